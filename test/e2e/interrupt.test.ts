import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { airgap, cleanEnvironment, launcher, type RunOptions } from '../support/cli.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Milliseconds in which a run has to end after Ctrl-C, whatever hangs. */
const LIMIT = 2000;

const scratch = scratchFolder();
const home = join(scratch, 'home');
const started = join(scratch, 'started');
let server: Server;
let host: string;

beforeAll(async () => {
  mkdirSync(join(home, '.docker'), { recursive: true });
  mkdirSync(join(scratch, 'chart', 'templates'), { recursive: true });
  writeFileSync(join(scratch, 'chart', 'Chart.yaml'), 'apiVersion: v2\nname: chart\nversion: 1.0.0\n');
  // Accepts every request and answers none.
  server = createServer(() => writeFileSync(started, ''));
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(home, '.docker', 'config.json'), JSON.stringify({ credHelpers: { [host]: 'stubborn' } }));
  for (const name of ['stubborn-helm', 'docker-credential-stubborn']) {
    // Reports that it runs, then ignores signals.
    writeFileSync(join(scratch, name), `#!/bin/sh\ntrap '' INT TERM\n: >'${started}'\nexec sleep 6\n`);
    chmodSync(join(scratch, name), 0o755);
  }
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test.each<[string, readonly string[], () => RunOptions['env']]>([
  ['Helm', ['images', 'chart'], () => ({ HELM_BIN: join(scratch, 'stubborn-helm') })],
  ['registry', ['bundle', '--image', 'HOST/a/b:1', '--plain-http', 'HOST', '--out', 'x.tar'], () => ({})],
  [
    'credential helper',
    ['bundle', '--image', 'HOST/a/b:1', '--plain-http', 'HOST', '--out', 'x.tar'],
    () => ({ PATH: `${scratch}${delimiter}${process.env.PATH}`, DOCKER_CONFIG: join(home, '.docker') }),
  ],
])('Ctrl-C ends a run in time while a %s hangs', async (_, args, env) => {
  rmSync(started, { force: true });
  let interrupted = 0;
  const when = vi
    .waitUntil(() => existsSync(started), { timeout: 20_000, interval: 20 })
    .then(() => {
      interrupted = performance.now();
    });
  const own = args.map((arg) => arg.replace('HOST', host));
  const config = env()?.DOCKER_CONFIG ?? join(scratch, 'none');
  const options = {
    cwd: scratch,
    env: { DOCKER_CONFIG: config, ...env() },
    interruptAt: { signal: 'SIGINT' as const, when },
  };
  const run = await airgap(own, home, options);
  expect(performance.now() - interrupted).toBeLessThan(LIMIT);
  expect(run.code).toBe(130);
  expect(run.stderr).toMatch(/^Error: .*interrupt/im);
  expect(existsSync(join(scratch, 'x.tar'))).toBe(false);
});

test('a second Ctrl-C ends a run that opens a pipe without a writer', async () => {
  execFileSync('mkfifo', [join(scratch, 'pipe.pub')]);
  const child = spawn(launcher, ['verify', 'x.tar', '--key', join(scratch, 'pipe.pub')], {
    cwd: scratch,
    env: cleanEnvironment(home),
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  await vi.waitUntil(() => handlesInterrupts(child.pid as number), { timeout: 20_000 });
  await sleep(500);
  child.kill('SIGINT');
  await vi.waitUntil(() => /interrupted/.test(text), { timeout: LIMIT });
  const again = setInterval(() => child.kill('SIGINT'), 300);
  const last = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  const [, signal] = await ended;
  clearInterval(again);
  clearTimeout(last);
  expect(signal).not.toBe('SIGKILL');
});

/** Reports whether a process has a handler of SIGINT (Linux). */
function handlesInterrupts(pid: number): boolean {
  const [, caught = '0'] = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${caught}`) & 2n) !== 0n;
}
