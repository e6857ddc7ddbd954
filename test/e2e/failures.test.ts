import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authority, issued } from '../support/certificate.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** One cause is said once, with everything that it hit, by real registries; `-o json` gives one document for each failure. */

const IMAGES = 19;
const home = scratchFolder();
const file = (name: string): string => join(home, name);
let open: TestRegistry;
let guarded: TestRegistry;

beforeAll(async () => {
  const server = issued();
  open = await startRegistry();
  guarded = await startRegistry({ tls: server });
  writeFileSync(file('ca.pem'), server.ca);
  writeFileSync(file('wrong.pem'), authority('other CA').ca);
  for (const name of names())
    await pushImage(open.host, name, '1', { platforms: ['linux/amd64'], size: 500, sharedLayer: 'base' });
  const args = ['bundle', chart('app', open.host), '--out', file('app.tar'), '--plain-http', open.host];
  await airgapOk(args, home);
});
afterAll(async () => {
  await open.stop();
  await guarded.stop();
});

function names(): string[] {
  return Array.from({ length: IMAGES }, (_, index) => `team/app-${index + 1}`);
}

/** Writes a chart with a workload for each image. */
function chart(name: string, host: string): string {
  const folder = file(name);
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
  const pods = names().map((image, index) => {
    const spec = { containers: [{ name: 'app', image: `${host}/${image}:1` }] };
    return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${index}` }, spec });
  });
  writeFileSync(join(folder, 'templates/pods.yaml'), pods.join('\n---\n'));
  return folder;
}

const occurrences = (text: string, part: string): number => text.split(part).length - 1;
/** Images named in a text, each as often as it is named. */
const imagesIn = (text: string): string[] => text.match(/team\/app-\d+:1/g) ?? [];

test.each([
  ['bundle without the CA', () => ['bundle', chart('tls', guarded.host), '--out', file('tls.tar')], 0],
  ['push with a wrong CA', () => ['push', file('app.tar'), '--to', guarded.host, '--ca-file', file('wrong.pem')], 1],
])('%s: one sentence and all images', async (_, args, charts) => {
  const { code, stdout, stderr } = await airgap(args(), home);
  expect([code, stdout]).toEqual([1, '']);
  expect(occurrences(stderr, 'is not signed by a trusted CA')).toBe(1);
  expect(occurrences(stderr, 'Hint: ')).toBe(1);
  expect(imagesIn(stderr)).toHaveLength(IMAGES);
  expect(new Set(imagesIn(stderr)).size).toBe(IMAGES);

  const json = await airgap([...args(), '-o', 'json'], home);
  const { errors, ...failure } = JSON.parse(json.stdout);
  expect([json.code, json.stderr]).toEqual([1, stderr]);
  expect(failure).toEqual({
    apiVersion: 'airgap/v1',
    kind: 'Failure',
    command: args()[0],
    exitCode: 1,
    message: expect.stringContaining(String(IMAGES + charts)),
  });
  expect(errors).toMatchObject([{ code: 'network', hint: expect.stringContaining('--ca-file') }]);
  expect(errors[0].subjects).toHaveLength(IMAGES + charts);
});

test('missing images of a registry', async () => {
  const args = ['bundle', chart('missing', `${open.host}/none`), '--out', file('none.tar'), '--plain-http', open.host];
  const { code, stderr } = await airgap(args, home);
  expect(code).toBe(1);
  expect(occurrences(stderr, 'returned 404')).toBe(1);
  expect(occurrences(stderr, 'missing/templates/pods.yaml')).toBe(IMAGES);
});

test('several targets: each cause once for each target, and the documents of complete targets', async () => {
  const to = [`${guarded.host}/a`, `${guarded.host}/b`, `${open.host}/m`].flatMap((target) => ['--to', target]);
  const args = ['push', file('app.tar'), ...to, '--plain-http', open.host];
  const { code, stdout, stderr } = await airgap([...args, '-o', 'json'], home);
  expect(code).toBe(1);
  expect(occurrences(stderr, 'is not signed by a trusted CA')).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    kind: 'Failure',
    errors: [
      { code: 'network', target: `${guarded.host}/a` },
      { code: 'network', target: `${guarded.host}/b` },
    ],
    completed: [{ kind: 'Push', target: `${open.host}/m` }],
  });
});

test('a run that succeeds, or whose check fails, has its own document', async () => {
  const good = await airgap(
    ['push', file('app.tar'), '--to', guarded.host, '--ca-file', file('ca.pem'), '-ojson'],
    home,
  );
  expect([good.code, JSON.parse(good.stdout).kind]).toEqual([0, 'Push']);
  writeFileSync(file('text.tar'), 'text');
  const failed = await airgap(['verify', file('text.tar'), '--output=yaml'], home);
  expect([failed.code, failed.stdout]).toEqual([3, expect.stringContaining('kind: Failure\n')]);
});
