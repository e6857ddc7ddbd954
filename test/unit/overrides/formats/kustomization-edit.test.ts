import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { type EntryChange, editImages } from '../../../../src/overrides/formats/kustomization-edit.ts';
import { type ImageEntry, readKustomization } from '../../../../src/overrides/formats/kustomization-file.ts';
import fc from '../../../support/property.ts';
import { refusal } from '../../../support/refusal.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

/** Sets entries by their names; adds those that are not there. */
function edit(text: string, wanted: readonly ImageEntry[]): string {
  const file = readKustomization('kustomization.yaml', text);
  const changes = wanted.map((entry): EntryChange => {
    const existing = file.entries.find(({ name }) => name === entry.name);
    return existing === undefined ? { add: entry } : { entry: existing, set: entry };
  });
  return editImages(file, changes);
}

const NGINX = { name: 'nginx', newName: 'r.example/ns/nginx', newTag: '1.27' };

it('changes values in place, and keeps comments, quotes, order and other entries', () => {
  const text = `# top
resources:
  - deploy.yaml # the app

images: # pinned by hand
  # the web server
  - newTag: '1.25' # old
    name: nginx
    # between
    newName: "docker.io/library/nginx"
  - name: redis   # stays
    newTag: "7"
  # - name: later
namespace: web
`;
  expect(edit(text, [NGINX])).toBe(
    text.replace("'1.25'", "'1.27'").replace('"docker.io/library/nginx"', '"r.example/ns/nginx"'),
  );
});

it('adds fields behind those of the entry, and removes those that are not wanted with their lines', () => {
  const text = `images:\n-   name: nginx # web\n    digest: ${DIGEST}\n-   name: redis\n`;
  expect(edit(text, [NGINX])).toBe(
    'images:\n-   name: nginx # web\n    newName: r.example/ns/nginx\n    newTag: "1.27"\n-   name: redis\n',
  );
  expect(edit(`images:\n- name: nginx\n  digest: ${DIGEST} # why\n`, [NGINX])).toBe(
    'images:\n- name: nginx\n  newName: r.example/ns/nginx\n  newTag: "1.27"\n  # why\n',
  );
  expect(edit(`images:\n- digest: ${DIGEST}\n  name: nginx`, [NGINX])).toBe(
    'images:\n- name: nginx\n  newName: r.example/ns/nginx\n  newTag: "1.27"',
  );
});

it('adds entries as the list is indented', () => {
  const entry = '- name: nginx\n  newName: r.example/ns/nginx\n  newTag: "1.27"\n';
  const indented = entry.replace(/^/gm, '  ').trimEnd();
  expect(edit('resources: [a.yaml]\n', [NGINX])).toBe(`resources: [a.yaml]\nimages:\n${entry}`);
  expect(edit('resources:\n  - a.yaml', [NGINX])).toBe(`resources:\n  - a.yaml\nimages:\n${indented}`);
  expect(edit('images:\n  - name: a\n  # - name: b\nnamespace: x\n', [NGINX])).toBe(
    `images:\n  - name: a\n${indented}\n  # - name: b\nnamespace: x\n`,
  );
  expect(edit('images: # none\nnamespace: x\n', [NGINX])).toBe(`images: # none\n${entry}namespace: x\n`);
  expect(edit('images: [] # none\nnamespace: x\n', [NGINX])).toBe(`images: # none\n${entry}namespace: x\n`);
  expect(edit('namespace: x\n...\n', [NGINX])).toBe(`namespace: x\nimages:\n${entry}...\n`);
});

it('edits lists and mappings in braces, and JSON', () => {
  expect(
    edit('images: [{name: nginx, newTag: "1"}, {name: b}] # x\n', [NGINX, { name: 'c', newName: 'r.example/c' }]),
  ).toBe(
    'images: [{name: nginx, newName: r.example/ns/nginx, newTag: "1.27"}, {name: b}, {name: c, newName: r.example/c}] # x\n',
  );
  expect(edit(`images:\n- {digest: "${DIGEST}", name: nginx}\n`, [NGINX])).toBe(
    'images:\n- {name: nginx, newName: r.example/ns/nginx, newTag: "1.27"}\n',
  );
  const json = '{"namespace": "x", "images": [{"name": "nginx"}]}\n';
  expect(JSON.parse(edit(json, [NGINX, { name: 'c', newTag: '1' }]))).toEqual({
    namespace: 'x',
    images: [NGINX, { name: 'c', newTag: '1' }],
  });
  expect(JSON.parse(edit('{"images": []}', [NGINX]))).toEqual({ images: [NGINX] });
});

it('keeps Windows line ends', () => {
  const text = 'resources:\r\n- a.yaml\r\nimages:\r\n- name: nginx # x\r\n';
  expect(edit(text, [NGINX, { name: 'c', newTag: '1' }])).toBe(
    `${text}  newName: r.example/ns/nginx\r\n  newTag: "1.27"\r\n- name: c\r\n  newTag: "1"\r\n`,
  );
});

it('refuses what cannot be edited, with file and line', () => {
  const cases: readonly (readonly [text: string, line: number])[] = [
    ['', 1],
    ['# nothing\n', 1],
    ['- a\n', 1],
    ['a: [\n', 2],
    ['kind: Deployment\nimages: []\n', 1],
    ['replicas: 2\nimage: nginx\n', 2],
    ['images:\n  nginx: a\n', 2],
    ['namespace: a\nimages: nginx\n', 2],
    ['images:\n- nginx\n', 2],
    ['images:\n- newName: a\n', 2],
    ['images:\n- name: a\nimages:\n- name: b\n', 3],
    ['resources: [a]\nresources: [b]\n', 2],
    ['images:\n- name: a\n  newTag: "1"\n  newTag: "2"\n', 4],
    ['images:\n- name: a\n  newTag: 1.10\n', 3],
    ['images:\n- name: a\n  newtag: "1"\n', 3],
    ['Images:\n- name: a\n', 1],
    ['imageTags:\n- name: a\n', 1],
    ['images:\n- name: a\n  tag: "1"\n', 3],
    ['images:\n- &x\n  name: a\n- <<: *x\n  name: b\n', 2],
    ['x: &x a\nnamespace: *x\nkind: Kustomization\nimages:\n- name: *x\n', 5],
    ['images:\n- name: !!str a\n', 2],
    ['images:\n- name: a\n  newName: >-\n    b\n', 3],
    ['images:\n- name: a\n---\nimages: []\n', 3],
  ];
  for (const [text, line] of cases) {
    const error = refusal(() => readKustomization('dir/kustomization.yaml', text));
    expect([text, error.code, error.message.split(':').slice(0, 2)]).toEqual([
      text,
      'config',
      ['dir/kustomization.yaml', String(line)],
    ]);
    expect(error.hint).toBeTruthy();
  }
});

/** Kustomizations as people write them, and what is wanted of them. */
const name = fc.constantFrom('nginx', 'redis', 'quay.io/a/b', 'localhost:5000/x', 'docker.io/library/nginx');
const tag = fc.constantFrom('1.10', '1', 'v2', 'latest', '0x1f', 'on', '2026-01-01', '1_0');
const quote = fc.constantFrom('', '"', "'");
const comment = fc.constantFrom('', ' # why', '   #: {x}');
const between = fc.constantFrom('', '', '# a comment', '#- name: nginx');

const written = fc
  .record({
    entries: fc.uniqueArray(
      fc.record({
        name,
        newName: fc.option(fc.constantFrom('old.example/x', 'nginx'), { nil: undefined }),
        newTag: fc.option(tag, { nil: undefined }),
        digest: fc.option(fc.constant(DIGEST), { nil: undefined }),
        isFlow: fc.boolean(),
        isReversed: fc.boolean(),
      }),
      { selector: (entry) => entry.name, maxLength: 4 },
    ),
    dash: fc.constantFrom('', '  ', '    '),
    gap: fc.constantFrom(' ', '   '),
    style: fc.record({ quote, comment, between }),
    tail: fc.constantFrom('', 'namespace: x\n', '# the end\n', 'patches:\n- patch: |-\n    - op: x\n'),
    lineEnd: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ entries, dash, gap, style, tail, lineEnd }) => {
    const blockEntry = ({ isFlow, isReversed, ...fields }: (typeof entries)[number]): string => {
      const pairs = Object.entries(fields).flatMap(([key, value]) => {
        if (value === undefined) return [];
        const quoted =
          style.quote !== '' || key === 'newTag' ? `${style.quote || '"'}${value}${style.quote || '"'}` : value;
        return [`${key}: ${quoted}`];
      });
      if (isReversed) pairs.reverse();
      if (isFlow) return `${dash}-${gap}{${pairs.join(', ')}}${style.comment}\n`;
      const lines = pairs.map((pair, i) => `${dash}${i === 0 ? `-${gap}` : ` ${gap}`}${pair}${style.comment}\n`);
      return lines.join(style.between === '' ? '' : `${dash} ${gap}${style.between}\n`);
    };
    const list = entries.length === 0 ? '' : `images:${style.comment}\n${entries.map(blockEntry).join('')}`;
    return `# first\nresources:\n- a.yaml\n${list}${tail}`.replaceAll('\n', lineEnd);
  });

const wanted = fc.uniqueArray(
  fc.record({
    name,
    newName: fc.constant('r.example:5000/ns/x'),
    newTag: fc.option(tag, { nil: undefined }),
    digest: fc.option(fc.constant(DIGEST), { nil: undefined }),
  }),
  { selector: (entry) => entry.name, minLength: 1, maxLength: 5 },
);

it('sets what is wanted, keeps all comments and all else, and changes nothing the second time', () => {
  const comments = (text: string): string[] => [...text.matchAll(/(?<=^|\s)#.*?(?=\r?$)/gm)].map(([found]) => found);
  const drop = ({ images: _, ...rest }: Record<string, unknown>): object => rest;
  let refused = 0;
  fc.assert(
    fc.property(written, wanted, (text, entries) => {
      let edited: string;
      try {
        edited = edit(text, entries);
      } catch (error) {
        // A field in front of the dash cannot be removed without the comment behind it.
        expect(String(error)).toContain('without its comment');
        refused += 1;
        return;
      }
      const before = parse(text);
      const after = parse(edited);
      expect(drop(after)).toEqual(drop(before));
      const old = (before.images ?? []) as ImageEntry[];
      const expected = [
        ...old.map((entry) => entries.find((one) => one.name === entry.name) ?? entry),
        ...entries.filter((entry) => old.every((one) => one.name !== entry.name)),
      ];
      expect(after.images).toEqual(JSON.parse(JSON.stringify(expected)));
      expect(comments(edited)).toEqual(comments(text));
      expect(edited.replaceAll('\r\n', '').includes('\n')).toBe(!text.includes('\r\n'));
      expect(edit(edited, entries)).toBe(edited);
    }),
    { numRuns: 200 },
  );
  expect(refused).toBeLessThan(40);
});
