import { expect, it } from 'vitest';
import { parse, Scalar, stringify } from 'yaml';
import { childPath, type FieldPath } from '../../../../src/base/field-path.ts';
import { postRender } from '../../../../src/overrides/edits/post-render.ts';
import type { PostRenderEntry } from '../../../../src/overrides/edits/post-render-map.ts';
import fc from '../../../support/property.ts';

const IMAGE = 'quay.io/acme/app:1';
const PRIVATE = 'ecr.example:5000/m/quay.io/acme/app:1';

type Tree = string | readonly Tree[] | { readonly [key: string]: Tree };

const STYLES = [Scalar.PLAIN, Scalar.QUOTE_SINGLE, Scalar.QUOTE_DOUBLE, Scalar.BLOCK_LITERAL, Scalar.BLOCK_FOLDED];
const text = fc
  .array(fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom(IMAGE, IMAGE, '\n', '  ', 'image: ', '#', '"', "it's")))
  .map((parts) => parts.join(' '));
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.string({ minLength: 1, maxLength: 5 }), fc.constantFrom('image', 'a.b')), tie('tree'), {
      maxKeys: 4,
    }),
  ),
}));

/** Returns all texts with their paths. */
function leaves(value: Tree, fieldPath: FieldPath): { readonly path: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ path: fieldPath.path, text: value }];
  return Object.entries(value).flatMap(([key, item]) =>
    leaves(item as Tree, childPath(fieldPath, Array.isArray(value) ? Number(key) : key)),
  );
}

/** Returns the tree with changed texts. */
function changed(value: Tree, fieldPath: FieldPath, change: (path: string, text: string) => unknown): unknown {
  if (typeof value === 'string') return change(fieldPath.path, value);
  if (Array.isArray(value)) return value.map((item: Tree, i) => changed(item, childPath(fieldPath, i), change));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, changed(item as Tree, childPath(fieldPath, key), change)]),
  );
}

it('changes only the locations of the map, in any manifest', async () => {
  let rewritten = 0;
  const run = fc.asyncProperty(
    fc.dictionary(fc.constantFrom('spec', 'data', 'x'), tree),
    fc.infiniteStream(fc.nat(STYLES.length - 1)),
    fc.infiniteStream(fc.boolean()),
    fc.constantFrom(0, 20, 80),
    async (content, styles, selected, lineWidth) => {
      const object = { kind: 'Thing', ...content } as Tree;
      const styled = changed(object, { path: '' }, (_, value) =>
        Object.assign(new Scalar(value), { type: STYLES[styles.next().value ?? 0] }),
      );
      const manifest = stringify(styled, { lineWidth, aliasDuplicateObjects: false });
      fc.pre(JSON.stringify(parse(manifest)) === JSON.stringify(object));
      const candidates = leaves(object, { path: '' }).filter((leaf) =>
        /(?<![\w./@-])quay\.io\/acme\/app:1(?!\.?[\w/@:-])/.test(leaf.text),
      );
      const selectedPaths = new Set(candidates.filter(() => selected.next().value).map(({ path }) => path));
      const entries = [...selectedPaths].map((path): PostRenderEntry => {
        return { template: 'a', kind: 'Thing', path, from: IMAGE, to: PRIVATE };
      });
      const stream = `---\n# Source: a\n${manifest}`;
      const result = await postRender(stream, entries);
      expect(result.unused).toEqual([]);
      // Reversed, the text is the original, except for escaped line ends within a reference.
      const unfolded = (yaml: string): string => yaml.replace(/\\\n */g, '');
      expect(unfolded(result.text.replaceAll(PRIVATE, IMAGE))).toBe(unfolded(stream));
      const expected = changed(object, { path: '' }, (path, value) =>
        selectedPaths.has(path) ? value.replace(/(?<![\w./@-])quay\.io\/acme\/app:1(?!\.?[\w/@:-])/g, PRIVATE) : value,
      );
      expect(parse(result.text)).toEqual(expected);
      rewritten += selectedPaths.size;
    },
  );
  await fc.assert(run, { numRuns: 200 });
  expect(rewritten).toBeGreaterThan(50);
});
