import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { manifestSource } from '../../../../../src/manifests/source.ts';
import { ReferenceRewriter } from '../../../../../src/openshift/index.ts';
import {
  type RewriteOptions,
  rewriteFiles,
} from '../../../../../src/workflows/image-streams/rewriting/rewrite-files.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const [OLD, NEW] = ['old.svc:5000', 'new.svc:5000'];
const [source, destination] = [OLD, NEW].map((host) => ({ internal: [host], routes: [] })) as [never, never];
const rewriter = new ReferenceRewriter([{ from: `${OLD}/shop`, to: `${NEW}/shop` }], source, destination);
const pod = (name: string) => `kind: Pod # ${name}\r\napiVersion: v1\r\nspec: {containers: [{image: ${name}}]}`;

/** Writes files into a folder `export`, and returns how they are rewritten and read. */
function exported(files: Readonly<Record<string, string | Buffer>>) {
  const cwd = scratchFolder();
  mkdirSync(join(cwd, 'export/sub'), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(cwd, 'export', path), text);
  const read = () =>
    Object.fromEntries(Object.keys(files).map((path) => [path, readFileSync(join(cwd, 'export', path))]));
  const run = (more: Partial<RewriteOptions> = {}) =>
    rewriteFiles(
      { emit: () => {}, cwd },
      {
        sources: [manifestSource('manifests', 'export', cwd)],
        rules: { rewriter, renamed: new Map() },
        isDryRun: false,
        undo: join(cwd, 'undo.patch'),
        ...more,
      },
    );
  return { cwd, read, run };
}

describe('rewriteFiles', () => {
  test('writes all files and a patch that takes them back; a second run changes nothing', async () => {
    const files = {
      'a.yaml': `\ufeff${pod(`${OLD}/shop/a:1`)}`,
      'sub/b.json': JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        spec: { containers: [{ image: `${OLD}/shop/b` }] },
      }),
      'c.yaml': pod('elsewhere/shop'),
    };
    const { cwd, read, run } = exported(files);
    symlinkSync('a.yaml', join(cwd, 'export/link.yaml'));
    chmodSync(join(cwd, 'export/a.yaml'), 0o640);
    const before = read();
    expect(await run({ isDryRun: true })).toMatchObject({ files: [{}, {}], rewrites: [{ line: 3 }, { line: 1 }] });
    expect([read(), existsSync(join(cwd, 'undo.patch'))]).toEqual([before, false]);
    const result = await run();
    expect(result).toMatchObject({ left: [], undo: { folder: cwd } });
    expect(read()).toEqual({
      'a.yaml': Buffer.from(files['a.yaml'].replace(`{image: ${OLD}`, `{image: ${NEW}`)),
      'sub/b.json': Buffer.from(files['sub/b.json'].replace(OLD, NEW)),
      'c.yaml': before['c.yaml'],
    });
    // Nothing is written, so an earlier patch does not matter.
    expect(await run()).toMatchObject({ files: [], rewrites: [] });
    await execa('git', ['apply', 'undo.patch'], { cwd });
    expect(read()).toEqual(before);
    await expect(run()).rejects.toMatchObject({ code: 'output-exists' });
    expect(read()).toEqual(before);
  });

  test.each([
    ['what is not YAML', `a: [${OLD}`, 'config'],
    ['another encoding', Buffer.from([0x61, 0xe4, 0x3a]), 'file'],
  ])('writes nothing if one file is %s', async (_, text, code) => {
    const { read, run } = exported({ 'a.yaml': pod(`${OLD}/shop/a`), 'b.yaml': text });
    const before = read();
    await expect(run()).rejects.toMatchObject({ code, message: expect.stringContaining('b.yaml') });
    expect(read()).toEqual(before);
  });

  test('names all files that cannot be rewritten', async () => {
    const { cwd, run } = exported({ 'a.yaml': `a: [${OLD}`, 'b.yaml': `${OLD}: }` });
    await expect(run()).rejects.toMatchObject({ code: 'several', causes: [{ code: 'config' }, { code: 'config' }] });
    await expect(run({ sources: [manifestSource('manifests', 'none', cwd)] })).rejects.toMatchObject({ code: 'usage' });
  });
});
