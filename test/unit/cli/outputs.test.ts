import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { withRunLock } from '../../../src/base/run-lock.ts';
import { Receipts } from '../../../src/cli/flags/receipt.ts';
import type { PushResult } from '../../../src/workflows/push.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { registry, write } from '../bundle/bundles.ts';
import { CHARTS } from '../helm/scratch.ts';
import { airgap } from './terminal.ts';

let folder: string;
let file: string;
/** Who gets as far as running Helm is told that there is none. */
const env = { HELM_BIN: '/nowhere/helm' };
const HELM = '/nowhere/helm';
beforeEach(() => {
  folder = scratchFolder();
  file = join(folder, 'file');
  writeFileSync(file, 'mine');
});

describe('values', () => {
  const values = (...args: string[]) =>
    airgap(['values', join(CHARTS, 'shop'), '--to', 'r.example/m', ...args], env, folder);

  it.each([
    ['a file', () => file],
    ['below a file', () => join(file, 'a/b')],
    ['where there can be no files', () => '/proc/nope'],
  ])('says before the work that --out-dir is %s', async (_, path) => {
    const { code, err } = await values('--out-dir', path());
    expect([code, err]).toEqual([1, expect.stringContaining(path().replace('/a/b', ''))]);
    expect(err).not.toMatch(new RegExp(`fault of helm airgap|${HELM}`));
    expect([readdirSync(folder), readFileSync(file, 'utf8')]).toEqual([['file'], 'mine']);
  });

  it('says before the work that --out is something else', async () => {
    const { code, err } = await values('--out', file);
    expect([code, err]).toEqual([1, expect.not.stringContaining(HELM)]);
    writeFileSync(file, '# Overrides for chart x 1, target y.\n');
    expect((await values('--out', file)).err).toContain(HELM);
  });

  it('says before the work that --out cannot be written', async () => {
    const { code, err } = await values('--out', '/proc/nope');
    expect([code, err]).toEqual([1, expect.not.stringContaining(HELM)]);
  });

  it('goes on where it can', async () => {
    const { code, err } = await values('--out-dir', join(folder, 'new/below'));
    expect([code, err]).toEqual([1, expect.stringContaining(HELM)]);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('bundle', () => {
  it('stops before the work while another run writes the same file, whatever it is called', async () => {
    mkdirSync(join(folder, 'below'));
    await withRunLock(join(folder, 'two.tar'), async () => {
      for (const out of ['two.tar', './below/../two.tar']) {
        const { code, err } = await airgap(['bundle', join(CHARTS, 'shop'), '--out', join(folder, out)], env, folder);
        expect([code, err]).toEqual([1, expect.stringContaining(` ${process.pid} `)]);
        expect(err).not.toContain(HELM);
      }
    });
    const alone = await airgap(['bundle', join(CHARTS, 'shop'), '--out', join(folder, 'two.tar')], env, folder);
    expect(alone.err).toContain(HELM);
    expect(readdirSync(folder).sort()).toEqual(['below', 'file']);
  });
});

describe('push', () => {
  /** Pushes with arguments to a registry that counts what it is asked. */
  async function push(...args: string[]) {
    const bundle = join(folder, 'b.tar');
    if (!existsSync(bundle)) await write(bundle, registry());
    let requests = 0;
    const server = createServer((_, response) => {
      requests += 1;
      response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const to = ['--to', `${host}/m`, '--plain-http', host, '--concurrency', '1'];
      const ended = await airgap(['push', bundle, ...to, ...args], {}, folder);
      return { ...ended, requests, host };
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }

  it.each([
    ['is a file of somebody else', () => file],
    ['cannot be made', () => '/proc/receipt.json'],
    ['is a folder', () => mkdtempSync(join(folder, 'x'))],
    ['is in no folder', () => join(folder, 'none/receipt.json')],
  ])('says that the receipt %s before it asks the registry anything', async (_, path) => {
    const { code, requests } = await push('--receipt', path());
    expect([code, requests]).toEqual([path().includes('/x') ? 2 : 1, 0]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('says that of the receipt of each of several targets', async () => {
    const second = 'other.example:5000/m';
    writeFileSync(join(folder, 'r.other.example_5000_m.json'), '{}');
    const { code, requests } = await push('--to', second, '--receipt', join(folder, 'r.json'));
    expect([code, requests]).toEqual([1, 0]);
    expect(readFileSync(join(folder, 'r.other.example_5000_m.json'), 'utf8')).toBe('{}');
  });

  it('has a receipt for each of two targets whose names differ in a character that no file name has', async () => {
    const targets = ['r.example/a/b', 'r.example/a_b'];
    const receipts = new Receipts(join(folder, 'two.json'), targets, '/');
    for (const target of targets) await receipts.write({ target, receipt: { target } } as unknown as PushResult);
    const written = readdirSync(folder).filter((name) => name.startsWith('two.'));
    const found = written.map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as PushResult).target);
    expect(found.sort()).toEqual(targets.sort());
  });

  it('says that everything is there when a receipt cannot be written after all', async () => {
    const receipts = new Receipts(join(folder, 'below/r.json'), ['r.example/m'], '/');
    mkdirSync(join(folder, 'below'));
    await receipts.check();
    rmSync(join(folder, 'below'), { recursive: true });
    const result = { target: 'r.example/m', receipt: {} } as PushResult;
    await expect(receipts.write(result)).rejects.toMatchObject({
      code: 'file',
      message: expect.stringMatching(/^r\.example\/m has everything/),
    });
  });

  it('may write over an earlier receipt, and leaves it when it fails', async () => {
    const receipt = '{"apiVersion":"airgap/v1","kind":"Receipt"}';
    writeFileSync(file, receipt);
    expect((await push('--receipt', file)).requests).toBeGreaterThan(0);
    expect([readFileSync(file, 'utf8'), readdirSync(folder).sort()]).toEqual([receipt, ['b.tar', 'file']]);
  });

  it.each([
    ['a file that is no log', 'mine', () => writeFileSync(join(folder, 'a.log'), 'mine')],
    ['a link', '', () => symlinkSync(file, join(folder, 'a.log'))],
    ['a hard link', '', () => linkSync(file, join(folder, 'a.log'))],
    ['a folder', '', () => mkdirSync(join(folder, 'a.log'))],
  ])('adds no log to %s', async (_, content, plant) => {
    writeFileSync(file, content);
    plant();
    const { code, requests } = await push('--log-file', join(folder, 'a.log'));
    expect([code, requests, readFileSync(file, 'utf8')]).toEqual([1, 0, content]);
  });

  it('adds to a log of before', async () => {
    const log = join(folder, 'a.log');
    await push('--log-file', log);
    const first = readFileSync(log, 'utf8');
    await push('--log-file', log);
    expect(readFileSync(log, 'utf8')).toMatch(/^(\{"time":.*\}\n)+$/);
    expect(readFileSync(log, 'utf8').startsWith(first)).toBe(true);
    expect(readFileSync(log, 'utf8').length).toBeGreaterThan(first.length);
  });
});
