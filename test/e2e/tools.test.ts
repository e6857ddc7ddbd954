import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { elfProgram } from '../support/tools.ts';

/** Bundles that carry the plugin and Helm. */

const home = scratchFolder();
const at = (name: string): string => join(home, name);
const archives = ['airgap-0.1.0-linux-amd64.tgz', 'airgap-0.1.0-linux-arm64.tgz'];
const tools = ['helm-linux-s390x', ...archives].sort();
let upstream: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  upstream = await startRegistry();
  target = await startRegistry();
  await pushImage(upstream.host, 'team/app', '1', { size: 100_000 });
  mkdirSync(at('packages'));
  const sums = archives.map((name, i) => {
    const bytes = Buffer.alloc(70_000, i + 1);
    writeFileSync(at(`packages/${name}`), bytes);
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
  });
  writeFileSync(at('packages/SHA256SUMS'), sums.join(''));
  writeFileSync(at('helm'), elfProgram(22, 'a Helm for another machine'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(at('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(at('pub.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
});
afterAll(async () => {
  await upstream.stop();
  await target.stop();
});

const bundle = (name: string, ...more: string[]): string[] => [
  ...['bundle', '--image', `${upstream.host}/team/app:1`, '--plain-http', upstream.host, '--out', at(name), ...more],
];
const carrying = ['--include-plugin', '--packages', at('packages'), '--include-helm', at('helm')];
const json = async (...args: string[]) => JSON.parse((await airgapOk([...args, '-o', 'json'], home)).stdout);

test('a signed bundle gives its tools to tar, and verify covers them', async () => {
  const { lock } = await json(...bundle('b.tar', ...carrying, '--sign', at('key.pem')));
  expect(lock.tools.map(({ name }: { name: string }) => name)).toEqual(tools);
  expect((await json('verify', at('b.tar'), '--key', at('pub.pem'))).tools).toEqual(lock.tools);
  expect((await airgapOk(['inspect', at('b.tar')], home)).stdout).toContain(`tools/${tools[0]}`);
  execFileSync('tar', ['xf', 'b.tar', 'tools/'], { cwd: home });
  execFileSync('sha256sum', ['--strict', '-c', 'tools/SHA256SUMS'], { cwd: home });
  for (const name of archives)
    expect(readFileSync(at(`tools/${name}`)).equals(readFileSync(at(`packages/${name}`)))).toBe(true);
  // Another tool and the registry get the image as without them.
  const layout = `oci-archive:${at('b.tar')}:${upstream.host}/team/app:1`;
  execFileSync('skopeo', ['copy', '-q', layout, `dir:${at('image')}`], { cwd: home });
  const push = ['push', at('b.tar'), '--to', `${target.host}/mirror`, '--plain-http', target.host];
  await airgapOk([...push, '--require-signature', at('pub.pem')], home);
  await airgapOk(['extract', at('b.tar'), '--image', '*team/app:1', '--out', at('image.tar')], home);
  expect((await json('inspect', at('image.tar'))).tools).toBeUndefined();

  const bytes = readFileSync(at('b.tar'));
  const position = bytes.indexOf('a Helm for another machine');
  bytes[position] = 0x41;
  writeFileSync(at('changed.tar'), bytes);
  const { code, stdout } = await airgap(['verify', at('changed.tar'), '--key', at('pub.pem'), '-o', 'json'], home);
  expect(code).toBe(3);
  expect(JSON.parse(stdout).problems).toEqual([
    { message: expect.stringContaining(`tools/helm-linux-s390x`), affects: [] },
  ]);
});

test('a later bundle takes its content from it, and diff names the tools', async () => {
  const [small, only] = [at('small.tar'), ['--platform', 'linux/amd64', '--include-plugin']];
  const options = ['--packages', at('packages'), '--reuse', at('b.tar'), '--split-size', '64KiB'];
  const { fetched, parts } = await json(...bundle('small.tar', ...only, ...options));
  expect(fetched).toBe(0);
  expect(parts.length).toBeGreaterThan(1);
  const { tools: changes } = await json('diff', at('b.tar'), small);
  expect(changes).toMatchObject({ added: [], changed: [], removed: [{}, {}] });
  expect((await airgap(['diff', at('b.tar'), small, '--exit-code'], home)).code).toBe(3);
  writeFileSync(at('inventory.json'), (await airgapOk(['inspect', at('b.tar'), '-o', 'lock'], home)).stdout);
  expect((await json('diff', at('inventory.json'), small)).tools).toEqual(changes);
  const delta = await json(
    ...bundle('delta.tar', ...only, '--packages', at('packages'), '--since', at('inventory.json')),
  );
  expect(delta.lock.tools).toMatchObject([{ name: archives[0] }]);
  expect(delta.lock.requires.length).toBeGreaterThan(0);
  expect((await json('verify', at('delta.tar'))).problems).toEqual([]);
});

test('what cannot be carried is refused before anything is written', async () => {
  const refused = async (...more: string[]): Promise<number | undefined> =>
    (await airgap(bundle('none.tar', ...more), home)).code;
  expect(await refused('--include-plugin', '--packages', at('none'))).toBe(1);
  expect(await refused('--include-plugin', '--packages', at('packages'), '--platform', 'linux/s390x')).toBe(1);
  expect(await refused('--packages', at('packages'))).toBe(2);
  expect(await refused('--include-helm', at('key.pem'))).toBe(2);
  execFileSync('test', ['!', '-e', at('none.tar'), '-a', '!', '-e', at('none.tar.partial')]);
});
