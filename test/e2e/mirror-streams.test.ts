import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issued } from '../support/certificate.ts';
import { airgap, airgapOk, type Run } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { type ObservingProxy, startObservingProxy } from '../support/observing-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { openUploads, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';

/** How `mirror` moves bytes: without a file, in little memory, over TLS with logins, and when it is interrupted. */

const MB = 1_000_000;
/** Bytes of the large layer: more than the memory that a run may take besides Node.js itself. */
const LARGE = 200 * MB;
// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';

const home = scratchFolder();
let source: TestRegistry;
let front: ObservingProxy;

beforeAll(async () => {
  source = await startRegistry();
  front = await startObservingProxy(source.host);
  for (const tag of ['1', '2', '3', '4']) await pushImage(source.host, 'team/app', tag, { sharedLayer: 'base' });
});
afterAll(async () => {
  await front.stop();
  await source.stop();
});

const to = ({ host }: { readonly host: string }): string[] => [
  ...['--to', `${host}/m`, '--naming', 'path', '--plain-http', host, '--plain-http', front.host],
];

async function withTarget(use: (target: TestRegistry) => Promise<void>): Promise<void> {
  const target = await startRegistry();
  try {
    await use(target);
  } finally {
    await target.stop();
  }
}

test('a large layer goes through without a file, and in little memory', () =>
  withTarget(async (target) => {
    const big = await startRegistry();
    try {
      await pushImage(big.host, 'team/big', '1', { size: LARGE, platforms: ['linux/amd64'] });
      const own = scratchFolder();
      let [memory, files] = [0, 0];
      const args = ['mirror', '--image', `${big.host}/team/big:1`, '--plain-http', big.host, ...to(target)];
      await airgapOk(args, home, {
        cwd: own,
        env: { TMPDIR: own },
        async started(pid) {
          for (let status = ''; ; await sleep(20)) {
            try {
              status = readFileSync(`/proc/${pid}/status`, 'utf8');
            } catch {
              return;
            }
            const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
            if (peak === undefined) return;
            memory = Math.max(memory, Number(peak) * 1024);
            files = Math.max(files, sizeOf(own));
          }
        },
      });
      expect(treeOf(target, 'm')).toEqual(treeOf(big));
      expect(memory).toBeGreaterThan(50 * MB);
      expect(memory).toBeLessThan(200 * MB);
      expect(files).toBeLessThan(MB);
      expect(readdirSync(own)).toEqual([]);
    } finally {
      await big.stop();
    }
  }));

/** Bytes of all files below a folder; some may disappear meanwhile. */
function sizeOf(folder: string): number {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.reduce((sum, { parentPath, name }) => sum + readFileSync(join(parentPath, name)).length, 0);
  } catch {
    return 0;
  }
}

test('Ctrl-C ends a run at once; the next one sends the rest', () =>
  withTarget(async (target) => {
    const proxy = await startObservingProxy(target.host);
    try {
      let reached = (): void => {};
      const when = new Promise<void>((resolve) => {
        reached = resolve;
      });
      let interrupted = 0;
      when.then(() => {
        interrupted = performance.now();
      });
      let puts = 0;
      proxy.begin(({ method, path }) => {
        // From the third on, manifests hang.
        if (method !== 'PUT' || !path.includes('/manifests/') || ++puts < 3) return undefined;
        reached();
        return sleep(5000, undefined, { ref: false });
      });
      const args = ['mirror', '--from', front.host, ...to(proxy)];
      const receipt = join(home, 'interrupted.json');
      const stopped = await airgap([...args, '--receipt', receipt, '-o', 'json'], home, {
        interruptAt: { signal: 'SIGINT', when },
      });
      expect(performance.now() - interrupted).toBeLessThan(3000);
      expect(stopped.code).toBe(130);
      expect(JSON.parse(stopped.stdout)).toMatchObject({ kind: 'Failure', exitCode: 130 });
      proxy.begin();
      await airgapOk([...args, '--receipt', receipt], home);
      expect(treeOf(target, 'm')).toEqual(treeOf(source));
      await airgapOk(['verify', '--receipt', receipt, '--plain-http', proxy.host], home);
    } finally {
      await proxy.stop();
    }
  }));

test('an upload that breaks off is sent again from its start, and none stays open', () =>
  withTarget(async (target) => {
    const proxy = await startObservingProxy(target.host);
    try {
      const broken = new Set<string>();
      proxy.begin(({ method, path }) => {
        const [, digest = ''] = /digest=([^&]+)/.exec(path) ?? [];
        if (method !== 'PUT' || digest === '' || broken.has(digest)) return undefined;
        broken.add(digest);
        return Promise.reject(new Error('broken off'));
      });
      const log = join(home, 'broken.log');
      await airgapOk(['mirror', '--from', front.host, ...to(proxy), '--log-file', log], home);
      expect(broken.size).toBeGreaterThan(5);
      expect(treeOf(target, 'm')).toEqual(treeOf(source));
      expect(readFileSync(log, 'utf8')).toContain('"event":"retry"');
    } finally {
      await proxy.stop();
    }
  }));

test('a layer whose content is not its digest is not accepted', () =>
  withTarget(async (target) => {
    const liar = await startTamperingProxy(source.host, (_, path) =>
      path.includes('/blobs/') ? { kind: 'flip-first-byte' } : undefined,
    );
    try {
      const run = await airgap(
        ['mirror', '--image', `${liar.host}/team/app:1`, '--plain-http', liar.host, ...to(target)],
        home,
      );
      expect(run.code, run.stderr).toBe(1);
      expectLine(run.stderr, liar.host, /sha256:[\da-f]+/);
      expect(treeOf(target, 'm').filter((line) => line.includes('/tags/'))).toEqual([]);
      expect(openUploads(target)).toBeLessThan(20);
    } finally {
      await liar.stop();
    }
  }));

test('TLS with a private authority and logins on both sides', async () => {
  const { ca, ...tls } = issued();
  const guarded = await Promise.all([
    startRegistry({ tls, htpasswd: HTPASSWD }),
    startRegistry({ tls, htpasswd: HTPASSWD }),
  ]);
  const [from, target] = guarded;
  try {
    const own = scratchFolder();
    writeFileSync(join(own, 'ca.pem'), ca);
    const logins = (...hosts: readonly string[]): void => {
      mkdirSync(join(own, '.docker'), { recursive: true });
      const auth = Buffer.from('user:geheim123').toString('base64');
      const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
      writeFileSync(join(own, '.docker/config.json'), JSON.stringify({ auths }), { mode: 0o600 });
    };
    const run = (args: readonly string[]): Promise<Run> => airgap([...args, '--ca-file', join(own, 'ca.pem')], own);
    logins(from.host, target.host);
    // The source is filled by a mirror too.
    const fill = [
      'mirror',
      '--from',
      front.host,
      '--plain-http',
      front.host,
      '--to',
      `${from.host}/upstream`,
      '--naming',
      'path',
    ];
    expect(await run(fill)).toMatchObject({ code: 0 });
    const copy = [
      'mirror',
      '--from',
      from.host,
      '--repository',
      'upstream/*',
      '--to',
      `${target.host}/m`,
      '--naming',
      'name',
    ];
    expect(await run(copy)).toMatchObject({ code: 0 });
    expect(treeOf(target, 'm')).toEqual(treeOf(source, 'team'));
    for (const [lacking, host] of [
      [from, target.host],
      [target, from.host],
    ] as const) {
      logins(host);
      const refused = await run(copy);
      expect(refused.code).toBe(1);
      expectFacts(refused.stderr, lacking.host);
      expectLine(refused.stderr, /^Error: /);
    }
    logins(from.host, target.host);
    const untrusted = await airgap(copy, own);
    expect(untrusted.code).toBe(1);
    expectFacts(untrusted.stderr, from.host, /certificate|authority/i);
  } finally {
    await Promise.all(guarded.map(({ stop }) => stop()));
  }
});
