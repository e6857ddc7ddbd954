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
import { Receipts } from '../../../src/cli/commands/receipts.ts';
import type { PushResult } from '../../../src/workflows/push/push.ts';
import { registry, write } from '../../support/bundles.ts';
import { CHARTS } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { airgap } from '../../support/terminal.ts';

let folder: string;
let file: string;
/** A run that gets as far as Helm fails with this path. */
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
    ['on a read-only file system', () => '/proc/nope'],
  ])('refuses --out-dir before the work: %s', async (_, path) => {
    const { code, err } = await values('--out-dir', path());
    expect([code, err]).toEqual([1, expect.stringContaining(path().replace('/a/b', ''))]);
    expect(err).not.toMatch(new RegExp(`bug in helm airgap|${HELM}`));
    expect([readdirSync(folder), readFileSync(file, 'utf8')]).toEqual([['file'], 'mine']);
  });

  it('refuses to overwrite another file with --out before the work', async () => {
    const { code, err } = await values('--out', file);
    expect([code, err]).toEqual([1, expect.not.stringContaining(HELM)]);
    writeFileSync(file, '# Overrides for chart x 1, target y.\n');
    expect((await values('--out', file)).err).toContain(HELM);
  });

  it('refuses --out before the work if it cannot be written', async () => {
    const { code, err } = await values('--out', '/proc/nope');
    expect([code, err]).toEqual([1, expect.not.stringContaining(HELM)]);
  });

  it('continues if the folder can be created', async () => {
    const { code, err } = await values('--out-dir', join(folder, 'new/below'));
    expect([code, err]).toEqual([1, expect.stringContaining(HELM)]);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('bundle', () => {
  it('fails before the work while another run writes the same file, under any path', async () => {
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
  /** Pushes with arguments to a registry that counts requests. */
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
    ['another file', () => file],
    ['a read-only file system', () => '/proc/receipt.json'],
    ['a folder', () => mkdtempSync(join(folder, 'x'))],
    ['a missing folder', () => join(folder, 'none/receipt.json')],
  ])('refuses a receipt before the first request: %s', async (_, path) => {
    const { code, requests } = await push('--receipt', path());
    expect([code, requests]).toEqual([path().includes('/x') ? 2 : 1, 0]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('checks the receipt of each target', async () => {
    const second = 'other.example:5000/m';
    writeFileSync(join(folder, 'r.other.example_5000_m.json'), '{}');
    const { code, requests } = await push('--to', second, '--receipt', join(folder, 'r.json'));
    expect([code, requests]).toEqual([1, 0]);
    expect(readFileSync(join(folder, 'r.other.example_5000_m.json'), 'utf8')).toBe('{}');
  });

  it('has separate receipts for targets whose file names would be equal', async () => {
    const targets = ['r.example/a/b', 'r.example/a_b'];
    const receipts = new Receipts(join(folder, 'two.json'), targets, '/');
    for (const target of targets) await receipts.write({ target, receipt: { target } } as unknown as PushResult);
    const written = readdirSync(folder).filter((name) => name.startsWith('two.'));
    const found = written.map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as PushResult).target);
    expect(found.sort()).toEqual(targets.sort());
  });

  it('reports that the push succeeded if a receipt cannot be written', async () => {
    const receipts = new Receipts(join(folder, 'below/r.json'), ['r.example/m'], '/');
    mkdirSync(join(folder, 'below'));
    await receipts.check();
    rmSync(join(folder, 'below'), { recursive: true });
    const result = { target: 'r.example/m', receipt: {} } as PushResult;
    await expect(receipts.write(result)).rejects.toMatchObject({
      code: 'file',
      message: expect.stringMatching(/^r\.example\/m .*r\.json/),
      hint: expect.stringContaining('--receipt'),
    });
  });

  it('may overwrite an earlier receipt, and keeps it if the push fails', async () => {
    const receipt = '{"apiVersion":"airgap/v1","kind":"Receipt"}';
    writeFileSync(file, receipt);
    expect((await push('--receipt', file)).requests).toBeGreaterThan(0);
    expect([readFileSync(file, 'utf8'), readdirSync(folder).sort()]).toEqual([receipt, ['b.tar', 'file']]);
  });

  it.each([
    ['another file', 'mine', () => writeFileSync(join(folder, 'a.log'), 'mine')],
    ['a link', '', () => symlinkSync(file, join(folder, 'a.log'))],
    ['a hard link', '', () => linkSync(file, join(folder, 'a.log'))],
    ['a folder', '', () => mkdirSync(join(folder, 'a.log'))],
  ])('refuses to append a log to %s', async (_, content, plant) => {
    writeFileSync(file, content);
    plant();
    const { code, requests } = await push('--log-file', join(folder, 'a.log'));
    expect([code, requests, readFileSync(file, 'utf8')]).toEqual([1, 0, content]);
  });

  it('appends to an existing log', async () => {
    const log = join(folder, 'a.log');
    await push('--log-file', log);
    const first = readFileSync(log, 'utf8');
    await push('--log-file', log);
    expect(readFileSync(log, 'utf8')).toMatch(/^(\{"time":.*\}\n)+$/);
    expect(readFileSync(log, 'utf8').startsWith(first)).toBe(true);
    expect(readFileSync(log, 'utf8').length).toBeGreaterThan(first.length);
  });
});
