import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLockFile } from '../../../../src/cli/config/read.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

const folder = scratchFolder();

const HEAD = 'apiVersion: airgap/v1\nkind: LockFile\n';

async function problems(text: string): Promise<string[]> {
  const path = join(folder, 'wrong.lock');
  await writeFile(path, text);
  const error = await readLockFile(path, '--lock').then(
    () => expect.fail('read'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'config', exitCode: 2, hint: expect.stringContaining('docs/lock-file.md') });
  return (error as Error).message.replaceAll(`${path}:`, '').split('\n');
}

function run(...args: string[]): Promise<Ended> {
  return airgap(args, { TMPDIR: folder, PATH: '/nowhere' }, folder);
}

describe('an invalid lock file', () => {
  it.each<[string, string, string[]]>([
    ['an unknown key', `${HEAD}image: []\n`, ['3:1: unknown key "image"']],
    [
      'fields far inside, all of them',
      `${HEAD}images:\n  - reference: nginx:1\n    digest: sha256:1\n    need: install\n    confidence: sure\n`,
      ['5:5: images.0.digest: ', '7:5: images.0.confidence: '],
    ],
    ['a newer version', 'apiVersion: airgap/v3\nkind: LockFile\nnews: [1]\n', ['1:1: apiVersion: airgap/v3 ']],
    ['a chart', 'apiVersion: v2\nname: web\n', ['1:1: kind: ']],
    ['an empty file', '', ['1:1: kind: ']],
    ['no YAML', `${HEAD}images: [\n`, ['4:1: ']],
    ['merge conflict markers', `${HEAD}<<<<<<< ours\nimages: []\n=======\n`, ['3:1: ', '']],
    ['an unresolved alias', `${HEAD}images: *all\n`, ['1:1: ']],
  ])('is reported with line and column: %s', async (_, text, expected) => {
    const found = await problems(text);
    for (const [i, start] of expected.entries()) expect(found[i]?.slice(0, start.length)).toBe(start);
  });

  it('is named if it is missing, with its flag', async () => {
    const { code, err } = await run('bundle', '--lock', 'none.lock', '--out', 'x.tar');
    expect(code).toBe(2);
    expect(err).toMatch(/none\.lock.*\nHint: .*--lock/);
  });
});

describe('the lock file on the command line', () => {
  it('is written for images by name without Helm and registries, and is up to date then', async () => {
    const args = ['images', '--image', 'nginx:1', '--image', `quay.io/a/b@sha256:${'a'.repeat(64)}`, '--offline'];
    const written = await run(...args, '--lock', 'airgap.lock');
    expect(written.code).toBe(0);
    expect(written.out).toMatch(/^airgap\.lock written: 2 images, 1 .*--offline/);
    expect(await readFile(join(folder, 'airgap.lock'), 'utf8')).toContain('reference: docker.io/library/nginx:1\n');
    expect(await run(...args, '--check-lock', 'airgap.lock')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^airgap\.lock .*up to date\n$/),
    });
    const document = await run(...args, '--lock', 'airgap.lock', '-o', 'json');
    expect(JSON.parse(document.out)).toMatchObject({ kind: 'LockFile' });
    expect(document.err, 'the document stands alone on stdout').toMatch(/^airgap\.lock .*up to date/);
    const drift = await run('images', '--image', 'nginx:2', '--offline', '--check-lock', 'airgap.lock', '-o', 'json');
    expect(drift.code).toBe(3);
    expect(JSON.parse(drift.out)).toMatchObject({
      kind: 'LockDrift',
      images: { added: [{ reference: 'docker.io/library/nginx:2' }], removed: [{}, {}], moved: [], gone: [] },
    });
  });

  it.each<[string, string[], string]>([
    ['both flags', ['images', '--image', 'x', '--lock', 'a', '--check-lock', 'a'], '--check-lock'],
    ['other flags', ['images', '--image', 'x', '--network', '--why', 'x', '--lock', 'a'], '--network, --why'],
    ['a folder', ['images', '--image', 'x', '--offline', '--lock', '.'], 'is a folder'],
    ['nothing in it', ['bundle', '--lock', 'airgap.lock', '--out', 'x'], 'lock file'],
    ['a chart', ['bundle', './chart', '--lock', 'airgap.lock', '--out', 'x'], 'charts'],
    [
      'charts of a configuration file',
      ['bundle', '--config', '@/airgap.yaml', '--lock', 'airgap.lock', '--out', 'x'],
      'charts',
    ],
    ['values', ['bundle', '--lock', 'airgap.lock', '--set', 'a=b', '--out', 'x'], '--set'],
    [
      'selections',
      ['bundle', '--lock', 'airgap.lock', '--exclude', 'a', '--no-tests', '--out', 'x'],
      '--exclude, --no-tests',
    ],
    ['a login for several hosts', ['bundle', '--lock', 'hosts.lock', '--username', 'u', '--out', 'x'], 'b.example'],
  ])('is wrong usage with %s', async (_, args, words) => {
    await writeFile(join(folder, 'airgap.lock'), HEAD);
    await writeFile(join(folder, 'airgap.yaml'), 'apiVersion: airgap/v1\nkind: Config\ncharts: [{chart: ./a}]\n');
    await writeFile(
      join(folder, 'hosts.lock'),
      `${HEAD}charts:
  - {name: a, version: "1", chart: oci://a.example/a}
  - {name: b, version: "1", chart: b, repo: https://b.example/charts}
  - {name: c, version: "1", chart: c, repo: https://c.example, parent: b}
  - {name: d, version: "1", chart: ./d}
`,
    );
    const { code, out, err } = await run(...args.map((arg) => arg.replace('@', folder)));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
    expect(err).toMatch(/^Hint: ./m);
  });
});
