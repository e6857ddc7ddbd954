import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { type BundleOptions, type BundleResult, bundle } from '../../../src/workflows/bundle.ts';
import { testHelms } from '../../support/helm.ts';
import { pushImage } from '../../support/images.ts';
import { goProgram } from '../../support/program.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';
import { CHARTS } from '../helm/scratch.ts';

const helm = testHelms().findLast(({ path }) => path !== undefined)?.path;
const folder = scratchFolder();
const project = 'quay.io/widget-project';
const [dashboard, operator, proxy] = ['dashboard:v1.0.0', 'operator:v1.0.0', 'proxy:v1.2.3'].map(
  (name) => `${project}/${name}`,
) as [string, string, string];
const program = Buffer.concat([goProgram({ build: ['path\tx'], code: [[proxy]] }), Buffer.alloc(300 * 1024)]);
const warnings: string[] = [];
let asked: string[] = [];
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
    asked.push(`${incoming.method} ${incoming.url}`);
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
  asked = [];
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
      verifySignatures: [],
      requireReferrers: false,
    },
    lookInside: { access, concurrency: 4, include },
    ...more,
  });
}

const blobs = (): string[] => asked.filter((line) => line.startsWith('GET') && line.includes('/blobs/'));
const carried = ({ lock }: BundleResult): string[] => lock.images.map(({ reference }) => reference);
const listed = ({ inside }: BundleResult): unknown => inside?.found.map(({ reference }) => reference);

describe.skipIf(helm === undefined)('a bundle with an operator', () => {
  test('lists what the operator names, and asks for each blob once', async () => {
    const result = await run('listed.tar', false);
    expect([carried(result), listed(result)]).toEqual([[dashboard, operator], [proxy]]);
    expect(blobs().length).toBeGreaterThan(3);
    expect(new Set(blobs()).size).toBe(blobs().length);
  });

  test('lists it again when it is up to date, and asks for no blob', async () => {
    await run('again.tar', false);
    asked = [];
    const result = await run('again.tar', false);
    expect([result.status, listed(result), blobs()]).toEqual(['up-to-date', [proxy], []]);
  });

  test('brings it along when it is told to, and asks for each blob once', async () => {
    const result = await run('included.tar', true);
    expect(carried(result)).toEqual([dashboard, operator, proxy]);
    expect(listed(result)).toEqual([]);
    expect(new Set(blobs()).size).toBe(blobs().length);
    const plain = await run('plain.tar', false, { add: [proxy] });
    // What was fetched ahead counts as fetched: its config, which a bundle reads before it counts, does so too.
    expect(result.reused).toBe(0);
    expect(result.fetched - plain.fetched).toBeLessThan(1000);
    expect(result.fetched).toBeGreaterThan(plain.fetched);
    expect(existsSync(join(folder, 'included.tar.inside'))).toBe(false);
  });

  test('leaves nothing behind when it is only to be estimated', async () => {
    const { status, blobs: count } = await run('dry.tar', true, { dryRun: true });
    expect([status, readdirSync(folder).filter((name) => name.startsWith('dry.tar'))]).toEqual(['planned', []]);
    expect(count).toBeGreaterThan(0);
  });

  test('keeps what was fetched ahead when it fails, and goes on from there', async () => {
    const gone = { add: [`${project}/gone:v9`] };
    await expect(run('failed.tar', true, gone)).rejects.toThrow('gone:v9');
    const left = join(folder, 'failed.tar.inside');
    expect([existsSync(left), warnings]).toEqual([
      true,
      [expect.stringMatching(`^left for the next run .*: ${left}$`)],
    ]);
    const first = blobs();
    await run('failed.tar', true, { dryRun: true });
    expect(existsSync(left)).toBe(true);
    asked = [];
    expect(carried(await run('failed.tar', true))).toContain(proxy);
    expect(first.length).toBeGreaterThan(0);
    expect(blobs().filter((blob) => first.includes(blob))).toEqual([]);
  });

  test('takes away what a failed run had fetched ahead, also without the flag, and nothing of others', async () => {
    const left = join(folder, 'dropped.tar.inside');
    await expect(run('dropped.tar', true, { add: [`${project}/gone:v9`] })).rejects.toThrow('gone:v9');
    copyFileSync(left, `${left}.partial`);
    writeFileSync(`${left}.partial.journal`, '');
    await run('dropped.tar', false);
    expect(readdirSync(folder).filter((name) => name.startsWith('dropped.tar'))).toEqual(['dropped.tar']);
    writeFileSync(left, 'notes');
    await run('dropped.tar', false);
    expect(existsSync(left)).toBe(true);
    await expect(run('dropped.tar', true)).rejects.toThrow('is there already');
  });

  test('is not looked into when the operator is left out', async () => {
    const result = await run('without.tar', true, { exclude: [{ pattern: operator }] });
    expect([carried(result), result.inside]).toEqual([[dashboard], undefined]);
    expect(warnings).toEqual([]);
  });

  test('says what a delta does not look into', async () => {
    await run('v1.tar', false);
    const { inside } = await run('v2.tar', false, { since: join(folder, 'v1.tar') });
    expect(inside?.images.flatMap(({ givenUp }) => givenUp)).toEqual([
      'its layers: not in this bundle, but in the older one',
    ]);
  });
});
