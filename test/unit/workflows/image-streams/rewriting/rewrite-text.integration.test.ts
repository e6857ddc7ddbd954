import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { splitManifests } from '../../../../../src/helm/documents.ts';
import { isRefusal } from '../../../../../src/helm/yaml-source.ts';
import { ReferenceRewriter, registryReplacements } from '../../../../../src/openshift/index.ts';
import { rewriteText } from '../../../../../src/workflows/image-streams/rewriting/rewrite-text.ts';
import fc from '../../../../support/property.ts';

const [OLD, NEW] = ['old.svc:5000', 'new.svc:5000'];
const [source, destination] = [OLD, NEW].map((host) => ({ internal: [host], routes: [] })) as [never, never];
const rulesFor = (renamed: ReadonlyMap<string, string>) => {
  const replacements = registryReplacements(source, destination, ['shop'], renamed);
  return { rewriter: new ReferenceRewriter(replacements, source, destination), renamed };
};

/** Values of fields that are rewritten, and of others. */
const word = fc.oneof(
  fc.constantFrom(`${OLD}/shop/app:1`, `${OLD}/shop`, `a=${OLD}/shop/b,${OLD}/shop/c`, 'shop', `${OLD}/else/x`),
  fc.string(),
  fc.stringMatching(/^[\n a-z:#'"{}&*|>-]{0,12}$/),
);
const container = fc.record(
  { image: word, args: fc.array(word, { maxLength: 3 }), env: fc.array(fc.record({ value: word })), other: word },
  { requiredKeys: [] },
);
const object = fc.record({
  apiVersion: fc.constant('apps.openshift.io/v1'),
  kind: fc.constantFrom('Deployment', 'DeploymentConfig', 'ConfigMap'),
  metadata: fc.record({ name: word, namespace: fc.constantFrom('shop', 'else') }),
  spec: fc.record({ template: fc.record({ spec: fc.record({ containers: fc.array(container, { maxLength: 3 }) }) }) }),
});
const style = fc.record({
  defaultStringType: fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'),
  collectionStyle: fc.constantFrom('any', 'flow'),
  lineWidth: fc.constantFrom(0, 40),
  indentSeq: fc.boolean(),
});

function leavesOf(value: unknown, keys: readonly (string | number)[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [leafOf(keys, value)];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, child]) => leavesOf(child, [...keys, key]));
}

function leafOf(keys: readonly (string | number)[], value: unknown): string {
  return JSON.stringify([keys, value]);
}

describe('rewriteText', () => {
  test('changes the chosen scalars alone, byte for byte, and nothing in a second run', () => {
    const rules = rulesFor(new Map([['shop', 'eshop']]));
    let rewritten = 0;
    fc.assert(
      fc.property(fc.array(object, { minLength: 1, maxLength: 3 }), style, fc.boolean(), (objects, how, windows) => {
        const text = objects
          .map((one) => `# ${OLD}/shop\n${stringify(one, how as never)}`)
          .join('---\n')
          .replaceAll('\n', windows ? '\r\n' : '\n');
        const result = rewriteText(text, rules);
        if (isRefusal(result)) throw new Error(result.reason);
        rewritten += result.rewrites.length;
        // Undoing the edits gives the old text: nothing outside of them differs.
        const edits = result.rewrites.flatMap(({ edits: all }) => all).sort((a, b) => a.start - b.start);
        let [at, changed] = [0, ''];
        for (const { start, end, text: to } of edits) {
          changed += text.slice(at, start) + to;
          at = end;
        }
        expect(changed + text.slice(at)).toBe(result.text);
        // Read as Kubernetes does, the texts differ in the rewritten values only.
        const leaves = (one: string) => splitManifests(one, '').flatMap((document) => leavesOf(document.object));
        const [before, after] = [leaves(text), leaves(result.text)];
        const differing = before.flatMap((leaf, i) => (leaf === after[i] ? [] : [`${leaf} -> ${after[i]}`]));
        expect(after).toHaveLength(before.length);
        expect(differing.sort()).toEqual(
          result.rewrites
            .map(({ keys, text: old, replacement }) => `${leafOf(keys, old)} -> ${leafOf(keys, replacement)}`)
            .sort(),
        );
        expect(rewriteText(result.text, rules)).toMatchObject({ text: result.text });
      }),
    );
    expect(rewritten).toBeGreaterThan(100);
  });

  test('leaves out, with its line, what would be read as something else than a text', () => {
    const text =
      'apiVersion: v1\nkind: Pod\nmetadata:\n  namespace: shop\nspec:\n  containers:\n  - image: old.svc:5000/shop/a\n';
    const result = rewriteText(text, rulesFor(new Map([['shop', '1e3']])));
    if (isRefusal(result)) throw new Error(result.reason);
    expect(result.text).toBe(text.replace('old.svc:5000/shop', 'new.svc:5000/1e3'));
    expect(result.left).toMatchObject([{ line: 4, path: 'metadata.namespace', text: 'shop' }]);
  });
});
