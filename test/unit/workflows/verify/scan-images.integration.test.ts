import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import type { Verdicts } from '../../../../src/inventory/verdicts.ts';
import { findScanner, scanImages } from '../../../../src/workflows/verify/scan-images.ts';
import { graphOf, inventoryOf, NAMES, registry, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const home = scratchFolder();
const at = (name: string): string => join(home, name);
const temporary = at('tmp');
const env = { PATH: process.env.PATH, TMPDIR: temporary, AIRGAP_PASSWORD: 'hunter22', SITE: 'lab' };
const context = { env, cwd: home, emit: ignoreEvents };

beforeAll(async () => {
  mkdirSync(temporary);
  await write(at('bundle.tar'), registry());
});

/** Writes a scanner: a real program that gets the layout as its only argument. */
function script(name: string, text: string): string {
  writeFileSync(at(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return `${at(name)} {}`;
}

async function scan(
  command: string,
  options: { timeout?: number; concurrency?: number; signal?: AbortSignal } = {},
): Promise<Verdicts> {
  const { timeout = 20_000, concurrency = 2, signal } = options;
  const run = { ...context, ...(signal && { signal }) };
  return scanImages(run, at('bundle.tar'), { scanner: await findScanner(context, command), timeout, concurrency });
}

const statuses = ({ verdicts }: Verdicts): string[] =>
  verdicts.map(({ image, platform = '', status }) => `${image} ${platform} ${status}`);

describe('each image', () => {
  test('is a layout that skopeo reads, one for each platform', async () => {
    const verdicts = await scan('skopeo inspect --override-arch amd64 --raw oci:{}');
    expect(statuses(verdicts)).toEqual([
      'docker.io/library/b:2 linux/amd64 passed',
      'quay.io/a:1 linux/amd64 passed',
      'quay.io/multi:3 linux/amd64 passed',
      'quay.io/multi:3 linux/arm64 passed',
    ]);
  });

  test('comes with its name, digests and platform, and without our secrets', async () => {
    const command = script(
      'env',
      `
[ -z "$AIRGAP_PASSWORD" ] && [ "$SITE" = lab ] && [ "$AIRGAP_LAYOUT" = "$1" ] || exit 9
echo "$AIRGAP_IMAGE $AIRGAP_DIGEST $AIRGAP_MANIFEST $AIRGAP_PLATFORM"; cat "$1/index.json"; exit 1`,
    );
    const { verdicts } = await scan(command);
    for (const { image, digest, manifest, platform, exitCode, output = '' } of verdicts) {
      expect(exitCode).toBe(1);
      const [words, index = ''] = output.split('\n');
      expect(words).toBe(`${image} ${digest} ${manifest} ${platform}`);
      const { manifests } = JSON.parse(index);
      expect(manifests).toHaveLength(1);
      expect(manifests[0]).toMatchObject({
        digest: manifest,
        annotations: { 'org.opencontainers.image.ref.name': image },
      });
    }
  });

  test('has all its blobs, with their digests, and each shared one is written once', async () => {
    // Each waits until all four layouts are there, and again until each has counted the names of its largest blob.
    const command = script(
      'blobs',
      `
cd "$1/blobs/sha256" || exit 1
for blob in *; do echo "$blob  $blob" | sha256sum -c --quiet || exit 1; done
all() { while [ "$(ls ${home} | grep -c "$1-")" -lt 4 ]; do sleep 0.05; done; }
touch "${home}/seen-$$"; all seen
stat -c %h "$(ls -S | head -1)" > "${home}/links-$$"; all links`,
    );
    const verdicts = await scan(command, { concurrency: 4 });
    expect(statuses(verdicts).filter((line) => !line.endsWith('passed'))).toEqual([]);
    const links = readdirSync(home).filter((name) => name.startsWith('links-'));
    // Three images have the base layer, which has a name of its own too; the fourth has a layer that no other has.
    expect(links.map((name) => readFileSync(at(name), 'utf8').trim()).sort()).toEqual(['2', '4', '4', '4']);
  });

  test('shares blobs that only root could change', async () => {
    const { verdicts } = await scan(script('modes', 'stat -c "%h %a" "$1"/blobs/sha256/*; exit 1'));
    for (const { output = '' } of verdicts) {
      const shared = output.split('\n').filter((line) => !line.startsWith('1 '));
      expect(shared.length).toBeGreaterThan(0);
      expect(shared.every((line) => line.endsWith(' 444'))).toBe(true);
    }
  });

  test('is removed when it was scanned: the disk holds no more than the images in flight', async () => {
    const command = script('count', `ls -d "$(dirname "$1")"/image-* | wc -l > ${home}/layouts-$$`);
    await scan(command, { concurrency: 1 });
    const counts = readdirSync(home).filter((name) => name.startsWith('layouts-'));
    expect(counts).toHaveLength(4);
    for (const name of counts) expect(readFileSync(at(name), 'utf8').trim()).toBe('1');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('is scanned under each of its names, with one layout', async () => {
    const source = registry();
    const layer = noise('same', 900);
    for (const name of ['quay.io/one', 'quay.io/two']) source.addImage(name, '1', [layer]);
    const graph = await graphOf(source, ['quay.io/one:1', 'quay.io/two:1']);
    await write(at('names.tar'), source, { graph, charts: [] });
    const scanner = await findScanner(
      context,
      script('names', `echo "$1" >> ${home}/paths; [ "$AIRGAP_IMAGE" != quay.io/two:1 ]`),
    );
    const verdicts = await scanImages(context, at('names.tar'), { scanner, timeout: 9000, concurrency: 2 });
    expect(statuses(verdicts)).toEqual(['quay.io/one:1 linux/amd64 passed', 'quay.io/two:1 linux/amd64 failed']);
    const paths = readFileSync(at('paths'), 'utf8').trim().split('\n');
    expect([paths.length, new Set(paths).size]).toEqual([2, 1]);
  });
});

test('an image may claim any platform', async () => {
  const source = new MemoryRegistry();
  source.addImage('quay.io/odd', '1', [noise('odd', 100)], 'linux/amd\u0000\u001b[2J\n64');
  const graph = await graphOf(source, ['quay.io/odd:1']);
  await write(at('odd.tar'), source, { graph, charts: [] });
  const scanner = await findScanner(context, script('odd', 'printf %s "$AIRGAP_PLATFORM"; exit 1'));
  const { verdicts } = await scanImages(context, at('odd.tar'), { scanner, timeout: 9000, concurrency: 1 });
  expect(verdicts).toMatchObject([{ image: 'quay.io/odd:1', status: 'failed', exitCode: 1 }]);
  expect(verdicts[0]?.output).toBe('linux/amd\\x00\\x1b[2J\\n64');
});

describe('a scanner', () => {
  test('that hangs is ended, and its image fails', async () => {
    const command = script('hang', `case $AIRGAP_IMAGE in *quay.io/a*) echo started; sleep 600 & sleep 600;; esac`);
    const verdicts = await scan(command, { timeout: 400 });
    expect(verdicts.verdicts.filter(({ status }) => status !== 'passed')).toMatchObject([
      { image: 'quay.io/a:1', status: 'timeout', output: 'started' },
    ]);
    expect(() => execFileSync('pgrep', ['-f', `${at('hang')} `])).toThrow();
  });

  test('that crashes has failed', async () => {
    const { verdicts } = await scan(script('crash', 'kill -SEGV $$'));
    expect(new Set(verdicts.map(({ status, signal }) => `${status} ${signal}`))).toEqual(new Set(['failed SIGSEGV']));
  });

  test('that writes much has its last lines kept', async () => {
    const { verdicts } = await scan(script('much', 'seq 1 100000; exit 1'));
    const lines = verdicts[0]?.output?.split('\n') ?? [];
    expect([lines.length, lines.at(-1)]).toEqual([20, '100000']);
  });

  test('has no login in the verdicts, neither in its command nor in what it writes', async () => {
    const command = `${script('login', 'echo "pull https://robot:hunter22@db.example failed"; exit 1')} https://robot:hunter22@x.example`;
    const verdicts = await scan(command);
    expect(verdicts.verdicts.length).toBeGreaterThan(0);
    expect(JSON.stringify(verdicts)).toMatch(/@x\.example.*@db\.example/);
    expect(JSON.stringify(verdicts)).not.toContain('hunter22');
  });

  test('is ended by an interrupt, and leaves nothing', async () => {
    const abort = new AbortController();
    const scanning = scan(script('wait', `echo $$ > ${home}/waiting; sleep 600`), { signal: abort.signal });
    const failed = expect(scanning).rejects.toMatchObject({ code: 'interrupted' });
    await expect.poll(() => readdirSync(home)).toContain('waiting');
    abort.abort();
    await failed;
    expect(readdirSync(temporary)).toEqual([]);
  });

  test.each([
    ['no-such-scanner {}', 'no-such-scanner'],
    ['./no/such/scanner {}', 'no/such/scanner'],
    [`${home} {}`, home],
    ['cat', '{}'],
    ['', '{}'],
    ['cat {} | grep x', '|'],
    ['cat "{}', 'quote'],
    ['cat {} $HOME', '$HOME'],
  ])('%j is refused before anything is read', async (command, fact) => {
    const error = findScanner(context, command);
    await expect(error).rejects.toMatchObject({ code: 'usage', exitCode: 2, message: expect.stringContaining(fact) });
  });

  test('that cannot be started is refused', async () => {
    writeFileSync(at('broken'), '#!/no/such/interpreter\n', { mode: 0o755 });
    await expect(scan(`${at('broken')} {}`)).rejects.toMatchObject({ code: 'usage' });
  });
});

test('a delta is refused: it lacks layers', async () => {
  const source = registry();
  const graph = await graphOf(source, [NAMES[0] as string]);
  const [left] = [...graph.blobs.values()].sort((a, b) => b.descriptor.size - a.descriptor.size);
  const { digest, size } = (left as NonNullable<typeof left>).descriptor;
  const inventory = {
    ...inventoryOf(graph, []),
    since: digest,
    requires: [{ digest, size, repositories: ['quay.io/a'] }],
  };
  await write(at('delta.tar'), source, { graph, charts: [], inventory });
  const scanner = await findScanner(context, 'cat {}');
  const scanning = scanImages(context, at('delta.tar'), { scanner, timeout: 9000, concurrency: 2 });
  await expect(scanning).rejects.toMatchObject({ code: 'unsupported' });
});
