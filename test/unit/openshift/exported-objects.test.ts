import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { AirgapError } from '../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { manifestSource } from '../../../src/manifests/source.ts';
import { describeOrigin, readExport } from '../../../src/openshift/exported-objects.ts';
import { imageStream } from '../../support/image-streams.ts';
import { scratchFolder } from '../../support/scratch.ts';

const web = imageStream('shop/web', {});
const api = imageStream('shop/api', {});
const list = (items: readonly object[], more = {}): object => ({
  apiVersion: 'v1',
  items,
  kind: 'List',
  metadata: { resourceVersion: '', ...more },
});

async function read(files: Readonly<Record<string, string>>, path = 'export') {
  const folder = scratchFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const events: AirgapEvent[] = [];
  const source = manifestSource('image-streams', path, folder);
  const objects = await readExport(
    { emit: (event) => void events.push(event) },
    [source],
    (kind) => kind === 'ImageStream' || kind === 'Config',
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return {
    found: objects.map(({ namespace, name, origin }) => `${namespace}/${name} ${describeOrigin(origin)}`),
    warnings,
  };
}

describe('objects are found with file, document and item', () => {
  const [first, second] = ['shop/web x.yaml, document 1, item 1', 'shop/api x.yaml, document 1, item 2'];
  test.each<[string, string, string[]]>([
    ['one', stringify(web), ['shop/web x.yaml, document 1']],
    [
      'documents',
      `---\n# first\n---\n${stringify(web)}---\n${stringify(api)}`,
      ['shop/web x.yaml, document 2', 'shop/api x.yaml, document 3'],
    ],
    ['a list as oc prints it', stringify(list([web, api]), { indentSeq: false }), [first, second]],
    ['any list in YAML', stringify(list([web, api])), [first, second]],
    [
      'among files of others',
      `${stringify(web)}---\napiVersion: airgap/v1\nkind: Config\n`,
      ['shop/web x.yaml, document 1'],
    ],
    ['the items of a list in JSON', JSON.stringify([web, api]), [first, second]],
    ['a list in JSON', JSON.stringify(list([web, api])), [first, second]],
    [
      'JSON objects in a row',
      `${JSON.stringify(web)}\n${JSON.stringify(api)}`,
      ['shop/web x.yaml, document 1', 'shop/api x.yaml, document 2'],
    ],
    [
      'a list of the API, whose items have no kind',
      JSON.stringify({
        apiVersion: 'image.openshift.io/v1',
        kind: 'ImageStreamList',
        items: [{ metadata: { name: 'web', namespace: 'shop' } }],
      }),
      ['shop/web x.yaml, document 1, item 1'],
    ],
    ['lists in a list', JSON.stringify(list([list([web]), api])), [first, second]],
    [
      'other kinds',
      stringify(list([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, web]), { indentSeq: false }),
      ['shop/web x.yaml, document 1, item 2'],
    ],
  ])('%s', async (_, text, found) => {
    expect(await read({ 'x.yaml': text }, 'x.yaml')).toEqual({ found, warnings: [] });
  });

  test('in folders', async () => {
    const files = {
      'export/resources/shop/a.yaml': stringify(web),
      'export/b.json': JSON.stringify(api),
      'export/failures/x.yaml': '- error: x\n',
      'export/y.yaml': 'kind: ImageStream\n',
    };
    const { found, warnings } = await read(files);
    expect(found).toEqual(['shop/api export/b.json, document 1', 'shop/web export/resources/shop/a.yaml, document 1']);
    expect(warnings).toEqual([expect.stringMatching(/failures\/x\.yaml, y\.yaml/)]);
  });
});

test('all documents that cannot be read are errors, each with file and document', async () => {
  const deep = `${'['.repeat(600)}${']'.repeat(600)}`;
  const files = {
    'export/a.yaml': `${stringify(web)}---\nkind: ImageStream\nmetadata: {name: [\n`,
    'export/b.json': `{"apiVersion": "v1", "kind": "List", "items": ${deep}}`,
    'export/c.yaml': stringify({
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStream',
      metadata: { namespace: 'x' },
    }),
    'export/d.yaml': `${stringify(web)}...\n${stringify(api)}`,
    'export/e.json': JSON.stringify(list([web], { continue: 'token' })),
    'export/f.yaml': `kind: &a\n  - *a\napiVersion: image.openshift.io/v1\n`,
    'export/good.yaml': stringify(web),
  };
  const error = await read(files).catch((thrown: unknown) => thrown);
  if (!(error instanceof AirgapError)) throw error;
  expect(error.causes.map(({ code, parts }) => [code, parts.subject])).toEqual([
    ['config', 'export/a.yaml, document 2'],
    ['config', 'export/b.json, document 1'],
    ['config', 'export/c.yaml, document 1'],
    ['config', 'export/d.yaml, document 1'],
    ['config', 'export/e.json, document 1'],
    ['config', 'export/f.yaml, document 1'],
  ]);
  expect(error.exitCode).toBe(2);
});
