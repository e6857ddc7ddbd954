import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { type BundleOptions, bundle } from '../../../../src/workflows/bundle/bundle.ts';
import type { BundleResult } from '../../../../src/workflows/bundle/pack.ts';
import { CHARTS } from '../../../support/charts.ts';
import { testHelms } from '../../../support/helm.ts';
import { pushImage } from '../../../support/images.ts';
import { goProgram } from '../../../support/program.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { tarOf } from '../../../support/tar.ts';

const helm = testHelms().findLast(({ path }) => path !== undefined)?.path;
const folder = scratchFolder();
const project = 'quay.io/widget-project';
const [dashboard, operator, proxy] = ['dashboard:v1.0.0', 'operator:v1.0.0', 'proxy:v1.2.3'].map(
  (name) => `${project}/${name}`,
) as [string, string, string];
const program = Buffer.concat([goProgram({ build: ['path\tx'], code: [[proxy]] }), Buffer.alloc(300 * 1024)]);
const warnings: string[] = [];
let requests: string[] = [];
let registry: TestRegistry;
let counter: Server;

beforeAll(async () => {
  registry = await startRegistry();
  const layers = [tarOf([{ path: 'manager', content: program }])];
  for (const reference of [dashboard, operator, proxy]) {
    const [repository = '', tag] = reference.split(':');
    const more = reference === operator ? { layers, config: { Entrypoint: ['/manager'] } } : {};
    await pushImage(registry.host, repository, tag, more);
  }
  const [hostname, port] = registry.host.split(':');
  counter = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const { method, url, headers } = incoming;
    incoming.pipe(
      request({ hostname, port, path: url, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }),
    );
  });
  await new Promise<void>((resolve) => counter.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  counter?.closeAllConnections();
  counter?.close();
  await registry?.stop();
});
beforeEach(() => {
  requests = [];
  warnings.length = 0;
});

function run(out: string, include: boolean, more: Partial<BundleOptions> = {}): Promise<BundleResult> {
  const host = `127.0.0.1:${(counter.address() as AddressInfo).port}`;
  const access = { mirrors: [{ from: '*', to: host }], plainHttp: [host] };
  const context = {
    env: { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder },
    cwd: CHARTS,
    emit: (event: AirgapEvent) => void (event.type === 'warning' && warnings.push(event.message)),
  };
  return bundle(context, {
    charts: [{ request: { chart: './widget-operator' }, profiles: [{ name: 'default', options: {} }] }],
    ...{
      add: [],
      platforms: [],
      access,
      concurrency: 4,
      farConcurrency: 4,
      out: join(folder, out),
      force: false,
      reuse: [],
    },
    ...{
      dryRun: false,
      imageConfigs: true,
      referrers: false,
      attestations: 'keep',
      requireReferrers: false,
    },
    operatorScan: { access, concurrency: 4, include },
    ...more,
  });
}

const blobs = (): string[] => requests.filter((line) => line.startsWith('GET') && line.includes('/blobs/'));
const bundled = ({ lock }: BundleResult): string[] => lock.images.map(({ reference }) => reference);
const listed = ({ inside }: BundleResult): unknown => inside?.found.map(({ reference }) => reference);

describe.skipIf(helm === undefined)('a bundle with an operator', () => {
  test('lists the images that the operator names and fetches each blob once', async () => {
    const result = await run('listed.tar', false);
    expect([bundled(result), listed(result)]).toEqual([[dashboard, operator], [proxy]]);
    expect(blobs().length).toBeGreaterThan(3);
    expect(new Set(blobs()).size).toBe(blobs().length);
  });

  test('lists them again when it is up to date, without fetching a blob', async () => {
    await run('again.tar', false);
    requests = [];
    const result = await run('again.tar', false);
    expect([result.status, listed(result), blobs()]).toEqual(['up-to-date', [proxy], []]);
  });

  test('includes them on request and fetches each blob once', async () => {
    const result = await run('included.tar', true);
    expect(bundled(result)).toEqual([dashboard, operator, proxy]);
    expect(listed(result)).toEqual([]);
    expect(new Set(blobs()).size).toBe(blobs().length);
    const plain = await run('plain.tar', false, { add: [proxy] });
    // Prefetched blobs count as fetched, and so does the config, which a bundle reads before it starts counting.
    expect(result.reused).toBe(0);
    expect(result.fetched - plain.fetched).toBeLessThan(1000);
    expect(result.fetched).toBeGreaterThan(plain.fetched);
    expect(existsSync(join(folder, 'included.tar.inside'))).toBe(false);
  });

  test('leaves nothing behind after a dry run', async () => {
    const { status, blobs: count } = await run('dry.tar', true, { dryRun: true });
    expect([status, readdirSync(folder).filter((name) => name.startsWith('dry.tar'))]).toEqual(['planned', []]);
    expect(count).toBeGreaterThan(0);
  });

  test('keeps prefetched images when it fails and resumes from them', async () => {
    const gone = { add: [`${project}/gone:v9`] };
    await expect(run('failed.tar', true, gone)).rejects.toThrow('gone:v9');
    const left = join(folder, 'failed.tar.inside');
    expect([existsSync(left), warnings]).toEqual([true, [expect.stringContaining(left)]]);
    const first = blobs();
    await run('failed.tar', true, { dryRun: true });
    expect(existsSync(left)).toBe(true);
    requests = [];
    expect(bundled(await run('failed.tar', true))).toContain(proxy);
    expect(first.length).toBeGreaterThan(0);
    expect(blobs().filter((blob) => first.includes(blob))).toEqual([]);
  });

  test('deletes images prefetched by a failed run, also without the flag, and no foreign files', async () => {
    const left = join(folder, 'dropped.tar.inside');
    await expect(run('dropped.tar', true, { add: [`${project}/gone:v9`] })).rejects.toThrow('gone:v9');
    copyFileSync(left, `${left}.partial`);
    writeFileSync(`${left}.partial.journal`, '');
    await run('dropped.tar', false);
    expect(readdirSync(folder).filter((name) => name.startsWith('dropped.tar'))).toEqual(['dropped.tar']);
    writeFileSync(left, 'notes');
    await run('dropped.tar', false);
    expect(existsSync(left)).toBe(true);
    await expect(run('dropped.tar', true)).rejects.toMatchObject({ message: expect.stringContaining(left) });
  });

  test('scans no operator that is excluded', async () => {
    const result = await run('without.tar', true, { exclude: [{ pattern: operator }] });
    expect([bundled(result), result.inside]).toEqual([[dashboard], undefined]);
    expect(warnings).toEqual([]);
  });

  test('reports the layers that a delta does not contain', async () => {
    await run('v1.tar', false);
    const { inside } = await run('v2.tar', false, { since: join(folder, 'v1.tar') });
    expect(inside?.images.flatMap(({ givenUp }) => givenUp)).toEqual([expect.stringMatching(/layers/)]);
  });
});
