import { copyFileSync, readdirSync, readFileSync, renameSync, truncateSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { airgapOk } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { serve, type TestServe } from '../support/serve.ts';

/** Clients that break off or do not read, and a bundle that is damaged in the middle of an answer. */

const home = scratchFolder();
const bundle = join(home, 'app.tar');
const repository = 'quay.io/acme/app';
/** Digest of a layer that fits into no buffer of a socket. */
let layer: string;
const SIZE = 20_000_000;

beforeAll(async () => {
  const upstream = await startRegistry();
  try {
    const image = buildImage({ name: 'app', platforms: ['linux/amd64'], size: SIZE });
    const [large] = [...image.blobs].find(([, bytes]) => bytes.length > SIZE) ?? [];
    layer = large ?? '';
    await pushBuilt(upstream.host, repository, '1', image);
    const access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    await airgapOk(['bundle', '--image', `${repository}:1`, ...access, '--out', bundle], home);
  } finally {
    await upstream.stop();
  }
});

/** Path of the layer. */
const path = (): string => `/v2/${repository}/blobs/${layer}`;
const pull = async ({ url }: TestServe): Promise<Buffer> =>
  Buffer.from(await (await fetch(`${url}${path()}`)).arrayBuffer());
const openFiles = ({ pid }: TestServe): number => readdirSync(`/proc/${pid}/fd`).length;
/** Peak memory in bytes. */
const memory = ({ pid }: TestServe): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

/**
 * Asks for the layer, and resets the connection.
 * @param bytes that are read before
 * @param wait resolves when the connection may be reset
 */
function breakOff({ host }: TestServe, bytes: number, wait: Promise<unknown> = Promise.resolve()): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    let read = 0;
    const end = (): void => void wait.then(() => socket.resetAndDestroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      socket.write(`GET ${path()} HTTP/1.1\r\nHost: x\r\n\r\n`);
      if (bytes === 0) socket.pause();
      if (bytes === 0) end();
    });
    if (bytes > 0) {
      socket.on('data', (chunk) => {
        read += chunk.length;
        if (read >= bytes) end();
      });
    }
  });
}

test('clients that break off or do not read leave nothing behind, and the others get their answer', async () => {
  const served = await serve(bundle);
  expect(digestOf(await pull(served))).toBe(layer);
  await sleep(100);
  const before = openFiles(served);
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 50 }, () => breakOff(served, 100_000)));
  }
  const { promise: pulled, resolve } = Promise.withResolvers<void>();
  const idle = Array.from({ length: 200 }, () => breakOff(served, 0, pulled));
  while (openFiles(served) < before + 200) await sleep(20);
  expect(digestOf(await pull(served))).toBe(layer);
  resolve();
  await Promise.all(idle);
  // A client's connection may be kept for its next request.
  while (openFiles(served) > before + 1) await sleep(20);
  expect(memory(served)).toBeLessThan(200e6);
  expect(await served.stop()).toBe(0);
});

test.each([
  ['truncated', (file: string) => truncateSync(file, SIZE / 2)],
  ['renamed', (file: string) => renameSync(file, `${file}.old`)],
])('a bundle that is %s ends the command and the answers that run', async (_, damage) => {
  const copy = join(scratchFolder(), 'app.tar');
  copyFileSync(bundle, copy);
  const served = await serve(copy);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const running = breakOff(served, 0, ended);
  damage(copy);
  expect(await served.ended()).toBe(1);
  expect(served.log()).toContain('app.tar');
  resolve();
  await running;
});
