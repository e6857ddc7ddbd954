import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { readManifests } from '../../../src/manifests/read-manifests.ts';
import { manifestSource } from '../../../src/manifests/source.ts';
import { scratchFolder } from '../../support/scratch.ts';

const POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = scratchFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function read(folder: string, path = 'deploy', input?: string) {
  const events: AirgapEvent[] = [];
  const context = { cwd: folder, env: {}, emit: (event: AirgapEvent) => void events.push(event) };
  const source = manifestSource('manifests', path, folder);
  const documents = await readManifests(
    context,
    input === undefined ? source : { ...source, input: Buffer.from(input) },
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { places: documents.map(({ template, index }) => `${template} ${index}`), documents, warnings };
}

test('reads all files below a folder, but none that is no manifest', async () => {
  const folder = folderOf({
    'deploy/b.yml': `---\n# only a comment\n---\n${POD}--- # next\r\n${POD}`,
    'deploy/a/deep.json': '{"apiVersion": "v1", "kind": "List", "items": []}',
    'deploy/values.yaml': 'image: {tag: "1"}\n',
    'deploy/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages: [{name: a, newName: quay.io/b/c}]\n',
    'deploy/readme.md': 'no: manifest',
    'deploy/.git/x.yaml': POD,
    'deploy/charts/app/Chart.yaml': 'name: app\nversion: 1.0.0\n',
    'deploy/charts/app/templates/x.yaml': '{{ if',
  });
  const { places, warnings } = await read(folder);
  expect(places).toEqual(['a/deep.json 0', 'b.yml 1', 'b.yml 2']);
  expect(warnings).toHaveLength(3);
  expect(warnings.join('\n')).toMatch(
    /charts\/app[\s\S]*: values\.yaml[\s\S]*--kustomize instead: kustomization\.yaml/,
  );
});

test('names what it leaves out: hidden folders, and documents that are no mapping', async () => {
  const folder = folderOf({
    'deploy/a.yaml': `${POD}---\n# nothing\n---\n- ${POD.trim().replaceAll('\n', '\n  ')}\n`,
    'deploy/.site/b.yaml': POD,
    'deploy/.site/readme.md': '',
    'deploy/.empty/readme.md': '',
  });
  const { places, warnings } = await read(folder);
  expect(places).toEqual(['a.yaml 0']);
  expect(warnings).toEqual([expect.stringMatching(/: \.site$/), expect.stringMatching(/: a\.yaml$/)]);
});

test.each([
  ['content after ---', `${POD}--- {apiVersion: v1, kind: Pod}\n`, 4],
  ['a tag after ---', `${POD}--- !x\n${POD}`, 4],
  ['content after ...', `${POD}...\n\n# comment\n${POD}`, 4],
])('%s is refused: only the first object would be read', async (_, text, line) => {
  const error = await read(folderOf({ 'deploy/a.yaml': text })).catch((caught) => caught);
  expect(error).toMatchObject({ code: 'chart-invalid', parts: { subject: `manifests deploy/a.yaml, line ${line}` } });
});

test('a line ... may end a document', async () => {
  const folder = folderOf({ 'deploy/a.yaml': `${POD}...\n# end\n---\n${POD}...\n  \n` });
  expect((await read(folder)).places).toEqual(['a.yaml 0', 'a.yaml 1']);
});

test('reads objects of JSON that follow each other', async () => {
  const text = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "} {\\" {"}}';
  const folder = folderOf({ 'deploy/a.json': `${text}\n${text}${text}\n---\n${text}\n` });
  expect((await read(folder)).places).toEqual([0, 1, 2, 3].map((index) => `a.json ${index}`));
});

test('reads UTF-16 with a byte order mark, and refuses what is no text', async () => {
  const folder = folderOf({});
  mkdirSync(join(folder, 'deploy'));
  const wide = Buffer.from(`\ufeff${POD}`, 'utf16le');
  writeFileSync(join(folder, 'deploy/a.yaml'), wide);
  writeFileSync(join(folder, 'deploy/b.yaml'), wide.swap16());
  expect((await read(folder)).documents.map(({ object }) => object?.kind)).toEqual(['Pod', 'Pod']);
  writeFileSync(join(folder, 'deploy/c.yaml'), Buffer.from(POD, 'utf16le'));
  await expect(read(folder)).rejects.toMatchObject({ code: 'file' });
});

test('a # Source: line of a saved render is a comment', async () => {
  const folder = folderOf({ 'deploy/all.yaml': `# Source: app/templates/x.yaml\n${POD}` });
  expect((await read(folder)).places).toEqual(['all.yaml 0']);
});

test('reads one file, and standard input', async () => {
  const folder = folderOf({ 'deploy.yaml': POD });
  expect((await read(folder, 'deploy.yaml')).places).toEqual(['deploy.yaml 0']);
  expect((await read(folder, '-', `${POD}---\n${POD}`)).places).toEqual(['- 0', '- 1']);
});

test('names file and line of each document that is not YAML', async () => {
  const folder = folderOf({ 'deploy/a.yaml': `${POD}---\n\na: b\n  c: {d\n`, 'deploy/sub/b.yaml': '\n"open\n' });
  const error = await read(folder).catch((caught) => caught);
  expect(error).toMatchObject({ code: 'several', exitCode: 1 });
  const places = error.causes.map(({ parts }: { parts: { subject: string } }) => parts.subject);
  expect(places).toEqual([
    'manifests deploy/a.yaml, line 6',
    expect.stringMatching(/^manifests deploy\/sub\/b.yaml, line \d$/),
  ]);
  const alone = await read(folder, 'deploy/a.yaml').catch((caught) => caught);
  expect(alone).toMatchObject({ code: 'chart-invalid', parts: { subject: 'manifests deploy/a.yaml, line 6' } });
});

test.each([
  ['a folder without manifests', { 'deploy/readme.md': 'x' }, 'usage'],
  ['files without objects', { 'deploy/values.yaml': 'a: b' }, 'usage'],
  ['nothing there', {}, 'usage'],
])('%s is refused', async (_, files, code) => {
  await expect(read(folderOf(files))).rejects.toMatchObject({ code });
});

test('a device is refused', async () => {
  await expect(read('/', '/dev/zero')).rejects.toMatchObject({ code: 'usage' });
});

test('a link is followed inside the folder only', async () => {
  const folder = folderOf({ 'deploy/a.yaml': POD, 'secret.yaml': POD, 'other/b.yaml': POD });
  symlinkSync('a.yaml', join(folder, 'deploy/again.yaml'));
  expect((await read(folder)).places).toEqual(['a.yaml 0', 'again.yaml 0']);
  symlinkSync('../secret.yaml', join(folder, 'deploy/secret.yaml'));
  await expect(read(folder)).rejects.toMatchObject({ code: 'file' });
});

test.each([['../other'], ['/nowhere']])('a link to a folder elsewhere or to nothing is refused: %s', async (target) => {
  const folder = folderOf({ 'deploy/a.yaml': POD, 'other/b.yaml': POD });
  symlinkSync(target, join(folder, 'deploy/link'));
  await expect(read(folder)).rejects.toMatchObject({ code: 'file' });
});
