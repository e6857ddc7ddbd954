import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, type Run } from '../support/cli.ts';
import { expectFacts, expectLine, type Fact } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy, type Tampering } from '../support/tampering-proxy.ts';

/** Failures end with an error, a hint, the right exit code, and no half-written file. */

const home = scratchFolder();
let upstream: TestRegistry;
const image = (): string => `${upstream.host}/team/app:1`;

beforeAll(async () => {
  upstream = await startRegistry();
  await pushImage(upstream.host, 'team/app', '1', { size: 300_000 });
  await pushImage(upstream.host, 'team/other', '1', { size: 2000 });
});
afterAll(() => upstream.stop());

function expectFailure(run: Run, code: number, ...facts: Fact[]): void {
  expectFacts(run.stderr, ...facts);
  expect(run.stderr).toMatch(/^Error: /m);
  expect(run.stderr).toMatch(/Hint: /);
  expect(run.stderr).not.toMatch(/ {4}at /);
  expect(run.code).toBe(code);
  expect(run.stdout).toBe('');
}

const plain = (host = upstream.host): string[] => ['--plain-http', host];
const out = (name: string): string => join(home, name);
const leftovers = (name: string): string[] => readdirSync(home).filter((file) => file.startsWith(name));

describe('before anything is fetched', () => {
  test('no Helm', async () => {
    const run = await airgap(['images', fixtureChart('shop')], home, {
      env: { HELM_BIN: '', PATH: '/nonexistent:/usr/bin:/bin' },
    });
    expectFailure(run, 1, 'Helm', 'HELM_BIN');
  });

  test('a chart that is not there', async () => {
    expectFailure(await airgap(['images', './no/such/chart'], home), 1, './no/such/chart');
  });

  test('a version that the repository does not have', async () => {
    const index =
      'apiVersion: v1\nentries:\n  web:\n    - {apiVersion: v2, name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}\n';
    const server = createServer((_, response) => response.end(index)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expectFailure(
        await airgap(['images', 'web', '--repo', url, '--version', '9.9.9'], home),
        1,
        'web',
        '9.9.9',
        '--version',
      );
      expectFailure(await airgap(['images', 'nothing', '--repo', url], home), 1, 'nothing', url);
    } finally {
      server.close();
    }
  });

  test("a chart that does not render: Helm's own message is shown", async () => {
    const run = await airgap(['bundle', fixtureChart('broken'), '--out', out('broken.tar')], home);
    expectFailure(run, 1, /execution error at|required/, '--set');
    expect(leftovers('broken.tar')).toEqual([]);
  });

  test('a chart without one of its dependencies', async () => {
    expectFailure(
      await airgap(['images', fixtureChart('missing-dependency')], home),
      1,
      'charts/ directory',
      '--dependency-update',
    );
  });

  test('a configuration file with an unknown key: file, line and column', async () => {
    const config = join(home, 'airgap.yaml');
    writeFileSync(config, 'apiVersion: airgap/v1\nkind: Config\ncharts:\n  - chart: ./x\n    colour: blue\n');
    expectFailure(await airgap(['images', '--config', config], home), 2, 'airgap.yaml:5:5', '"colour"');
  });

  test('wrong usage', async () => {
    expect((await airgap(['images', '--no-such-flag'], home)).code).toBe(2);
    expect((await airgap(['bundle', '--image', image()], home)).code).toBe(2);
    expectFailure(await airgap(['push', 'x.tar', '--to', 'https://registry.example/x'], home), 2, 'https://');
  });
});

describe('while fetching', () => {
  test('a missing image: the error names the chart, file and path that reference it', async () => {
    const args = [
      'bundle',
      fixtureChart('shop'),
      '--mirror',
      `*=${upstream.host}`,
      ...plain(),
      '--out',
      out('missing.tar'),
    ];
    expectFailure(await airgap(args, home), 1, /\bshop\b.*\bshop\/templates\/deployment\.yaml, spec\.template\.spec/);
    expect(leftovers('missing.tar')).toEqual([]);
  });

  test('a registry that requires a login', async () => {
    // htpasswd for user:secret-word (bcrypt, cost 4)
    const guarded = await startRegistry({
      htpasswd: 'user:$2y$05$abcdefghijklmnopqrstuuK1r5bpHaUbh2mGQJ5YX2SXGv0Pz1Yxe\n',
    });
    try {
      const args = ['bundle', '--image', `${guarded.host}/a/b:1`, ...plain(guarded.host), '--out', out('guarded.tar')];
      expectFailure(await airgap(args, home), 1, guarded.host, /log ?in|credentials/i);
    } finally {
      await guarded.stop();
    }
  });

  async function bundleThrough(change: Tampering, name: string): Promise<Run> {
    const proxy = await startTamperingProxy(upstream.host, (_, path) =>
      path.includes('/blobs/') ? change : undefined,
    );
    try {
      const mirror = ['--mirror', `${upstream.host}=${proxy.host}`];
      return await airgap(
        ['bundle', '--image', image(), ...mirror, ...plain(), ...plain(proxy.host), '--out', out(name)],
        home,
      );
    } finally {
      await proxy.stop();
    }
  }

  test('content that does not match its digest', async () => {
    expectFailure(await bundleThrough({ kind: 'flip-first-byte' }, 'flipped.tar'), 1, 'sha256:', 'team/app');
    expect(existsSync(out('flipped.tar'))).toBe(false);
  });

  test('Ctrl-C leaves no file that looks finished, and the next run completes', async () => {
    const drip = { kind: 'drip', bytes: 2000, everyMs: 20 } as const;
    const reached = Promise.withResolvers<void>();
    const proxy = await startTamperingProxy(upstream.host, (_, path) => {
      if (!path.includes('/blobs/')) return undefined;
      reached.resolve();
      return drip;
    });
    const args = [
      'bundle',
      '--image',
      image(),
      '--mirror',
      `${upstream.host}=${proxy.host}`,
      ...plain(),
      ...plain(proxy.host),
      '--out',
      out('cut.tar'),
    ];
    try {
      const run = await airgap(args, home, { interruptAt: { signal: 'SIGINT', when: reached.promise } });
      expect(run.code).toBe(130);
      expectFacts(run.stderr, /^Error: .*interrupt/im, /^Hint: /m);
      expect(existsSync(out('cut.tar'))).toBe(false);
    } finally {
      await proxy.stop();
    }
    await airgapOk(['bundle', '--image', image(), ...plain(), '--out', out('cut.tar')], home);
    await airgapOk(['verify', out('cut.tar')], home);
    expect(leftovers('cut.tar')).toEqual(['cut.tar']);
  });
});

describe('the bundle file', () => {
  const file = out('good.tar');
  beforeAll(() => airgapOk(['bundle', '--image', image(), ...plain(), '--out', file], home));

  test('a second run with the same content leaves the file as it is', async () => {
    const before = readFileSync(file);
    const run = await airgapOk(['bundle', '--image', image(), ...plain(), '--out', file, '-o', 'json'], home);
    expect(JSON.parse(run.stdout)).toMatchObject({ status: 'up-to-date' });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('other content for the same file needs --force', async () => {
    const other = out('other.tar');
    await copyFile(file, other);
    const args = ['bundle', '--image', `${upstream.host}/team/other:1`, ...plain(), '--out', other];
    expectFailure(await airgap(args, home), 1, 'other.tar', '--force');
    expect(readFileSync(other).equals(readFileSync(file))).toBe(true);
    await airgapOk([...args, '--force'], home);
    await airgapOk(['verify', other], home);
  });

  test('a flipped byte: verify names the affected image, push refuses the bundle', async () => {
    const damaged = out('damaged.tar');
    await copyFile(file, damaged);
    const handle = await open(damaged, 'r+');
    const { size } = await handle.stat();
    await handle.write(Buffer.from([0xa5, 0x5a, 0xa5]), 0, 3, Math.floor(size / 4));
    await handle.close();
    const run = await airgap(['verify', damaged], home);
    expect(run.code).toBe(3);
    expectLine(run.stdout, /sha256:[0-9a-f]+/, `${upstream.host}/team/app:1`);
    const target = await startRegistry();
    try {
      expectFailure(
        await airgap(['push', damaged, '--to', `${target.host}/x`, ...plain(target.host)], home),
        1,
        'sha256:',
      );
    } finally {
      await target.stop();
    }
  });

  test('a truncated and a foreign file', async () => {
    const short = out('short.tar');
    await copyFile(file, short);
    truncateSync(short, 100_000);
    expectFailure(await airgap(['inspect', short], home), 1, 'short.tar');
    writeFileSync(out('text.tar'), 'this is no archive\n'.repeat(100));
    expectFailure(await airgap(['verify', out('text.tar')], home), 3, 'text.tar');
    expectFailure(await airgap(['verify', short], home), 3, 'short.tar');
    expectFailure(await airgap(['push', out('none.tar'), '--to', 'registry.example/x'], home), 1, 'none.tar');
  });

  test('a target that does not answer', async () => {
    const closed = `127.0.0.1:${await freePort()}`;
    expectFailure(await airgap(['push', file, '--to', `${closed}/x`, ...plain(closed)], home), 1, closed);
  });

  test('two images that the naming maps to one target', async () => {
    const two = await startRegistry();
    try {
      await pushImage(two.host, 'team/app', '1', {});
      const both = out('both.tar');
      const args = [
        '--image',
        image(),
        '--image',
        `${two.host}/team/app:1`,
        ...plain(),
        ...plain(two.host),
        '--out',
        both,
      ];
      await airgapOk(['bundle', ...args], home);
      const run = await airgap(['push', both, '--to', 'registry.example/x', '--naming', 'path'], home);
      const sources = [`${upstream.host}/team/app:1`, `${two.host}/team/app:1`];
      expectFailure(run, 1, ...sources, 'registry.example/x/team/app:1');
    } finally {
      await two.stop();
    }
  });
});
