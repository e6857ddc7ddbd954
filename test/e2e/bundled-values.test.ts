import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk, helmUnderTest, printed, program } from '../support/cli.ts';
import { expectLine, expectWarning, warningsOf } from '../support/facts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** `values` of a bundle that was made with other values than it is given. */

const IMAGES = ['quay.io/acme/app:1', 'quay.io/acme/side:1', 'quay.io/acme/job:1'];
const TARGET = 'registry.internal.example/m';

/** A chart with an image that is always there, and two that values switch on. */
function writeChart(home: string): string {
  const chart = join(home, 'app');
  const container = (name: string): string =>
    `  - {name: ${name}, image: "{{ .Values.${name}.repository }}:{{ .Values.${name}.tag }}"}\n`;
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  writeFileSync(
    join(chart, 'values.yaml'),
    ['app', 'side', 'job']
      .map((name) => `${name}: {enabled: false, repository: quay.io/acme/${name}, tag: "1"}\n`)
      .join(''),
  );
  writeFileSync(
    join(chart, 'templates/a.yaml'),
    `kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n${container('app')}${['side', 'job']
      .map((name) => `{{- if .Values.${name}.enabled }}\n${container(name)}{{- end }}\n`)
      .join('')}`,
  );
  return chart;
}

const home = scratchFolder();
const site = join(home, 'site.yaml');
const config = join(home, 'airgap.yaml');
let upstream: TestRegistry;
let chart: string;

beforeAll(async () => {
  upstream = await startRegistry();
  await fillUpstream(upstream.host, IMAGES);
  chart = writeChart(home);
  writeFileSync(site, 'side: {enabled: true}\njob: {enabled: true}\n');
  writeFileSync(
    config,
    `apiVersion: airgap/v1\nkind: Config\ncharts:\n  - chart: ./app\n    profiles:\n      - name: default\n      - {name: prod, values: [site.yaml]}\n`,
  );
});
afterAll(() => upstream.stop());

async function bundled(name: string, ...args: string[]): Promise<string> {
  const file = join(home, name);
  const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await airgapOk(['bundle', ...args, ...mirror, '--out', file], home, { cwd: home });
  return file;
}

test('images that the given values do not need are named, with the profile that needs them', async () => {
  const file = await bundled('site.tar', chart, '-f', site, '--set', 'app.tag=1,secret.password=hunter2');
  const run = await airgapOk(['values', 'app', '--bundle', file, '--to', TARGET, '-o', 'json'], home);
  expect(JSON.parse(run.stdout)).toMatchObject({
    proof: { references: 1, rewritten: 1, residue: [] },
    moreInBundle: {
      references: ['quay.io/acme/job:1', 'quay.io/acme/side:1'],
      profiles: [{ name: 'default', given: { files: ['site.yaml'], set: ['--set app.tag', '--set secret.password'] } }],
    },
  });
  expectWarning(run, /\b2\b/, 'app', 'site.yaml', 'acme/job:1');
  // Neither the values nor a path of this machine is in the bundle.
  expect(readFileSync(file).includes('hunter2')).toBe(false);
  expect(readFileSync(file).includes(site)).toBe(false);

  const whole = await airgapOk(['values', 'app', '--bundle', file, '--to', TARGET, '-f', site, '-o', 'json'], home);
  expect(JSON.parse(whole.stdout)).toMatchObject({ proof: { references: 3, rewritten: 3 } });
  expect(JSON.parse(whole.stdout)).not.toHaveProperty('moreInBundle');
  expect(warningsOf(whole)).toEqual([]);
});

test('missing values are reported also when they add no image', async () => {
  const file = await bundled('set.tar', chart, '--set', 'app.replicas=2');
  const run = await airgapOk(['values', 'app', '--bundle', file, '--to', TARGET], home);
  expectWarning(run, '--set app.replicas');
  const given = await airgapOk(['values', 'app', '--bundle', file, '--to', TARGET, '--set', 'app.replicas=2'], home);
  expect(warningsOf(given)).toEqual([]);
});

test('profiles: --all names those that it cannot write, and --config writes each under its name', async () => {
  const file = await bundled('profiles.tar', '--config', config);
  const out = join(home, 'ov');
  const all = await airgapOk(['values', '--all', '--bundle', file, '--to', TARGET, '--out-dir', out], home);
  expectWarning(all, 'app', 'prod', '-f site.yaml');
  expect(existsSync(join(out, 'app.yaml'))).toBe(true);

  const args = ['values', '--config', config, '--bundle', file, '--to', TARGET, '--out-dir', join(home, 'both')];
  const both = await airgapOk(args, home);
  expectLine(printed(both), /app\W1\.0\.0/, 'default', /\b1\b/);
  expectLine(printed(both), /app\W1\.0\.0/, 'prod', /\b3\b/);
  expect(warningsOf(both)).toEqual([]);
  expect(existsSync(join(home, 'both/app-prod.yaml'))).toBe(true);

  // Choosing one of several profiles is no mistake.
  const one = await airgap(['values', 'app', '--bundle', file, '--to', TARGET, '-o', 'json'], home);
  expect(one.code).toBe(0);
  expect(warningsOf(one)).toEqual([]);
  expect(JSON.parse(one.stdout).moreInBundle.profiles).toEqual([{ name: 'prod', given: { files: ['site.yaml'] } }]);

  const shown = await airgapOk(['inspect', file], home);
  expectLine(shown.stdout, /^app +1\.0\.0 /, 'default', 'prod', '-f site.yaml');
});

test('the chart of a bundle can be named by its archive or folder', async () => {
  const archive = join(home, 'app-1.0.0.tgz');
  await program(helmUnderTest(), ['package', chart, '-d', home], home);
  const file = await bundled('archive.tar', archive);
  const values = (...args: string[]) =>
    airgap(['values', ...args, '--bundle', file, '--to', TARGET], home, { cwd: home });
  const named = await values('app');
  expect(named.code).toBe(0);
  const same = await values('./app-1.0.0.tgz');
  expect([same.code, same.stdout]).toEqual([0, named.stdout]);
  expect(warningsOf(same)).toEqual([]);
  // The folder packs to another archive with the same name and version: the bundled chart is used.
  const other = await values('./app');
  expect([other.code, other.stdout]).toEqual([0, named.stdout]);
  expectWarning(other, 'app');
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 2.0.0\n');
  const newer = await values('./app');
  expect([newer.code, newer.stdout]).toEqual([1, '']);
  expectLine(newer.stderr, /^Error: /, 'app@2.0.0');
});

test('a mistyped --to is detected where the target can be reached, and nowhere else', async () => {
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const file = await bundled('target.tar', chart);
  const target = await startRegistry();
  const values = (to: string, ...more: string[]) =>
    airgapOk(['values', 'app', '--bundle', file, '--to', to, '--plain-http', target.host, ...more], home);
  let out = '';
  try {
    await airgapOk(['push', file, '--to', `${target.host}/mirror`, '--plain-http', target.host], home);
    const right = await values(`${target.host}/mirror`);
    expect(warningsOf(right)).toEqual([]);
    const wrong = await values(`${target.host}/miror`);
    expectWarning(wrong, `${target.host}/miror`);
    const quiet = await values(`${target.host}/miror`, '--no-check-target');
    expect(warningsOf(quiet)).toEqual([]);
    out = quiet.stdout;
    expect(wrong.stdout).toBe(out);
  } finally {
    await target.stop();
  }
  // An unreachable target is no warning, and the overrides are the same.
  const gone = await values(`${target.host}/miror`);
  expect(gone.stdout).toBe(out);
  expect(warningsOf(gone)).toEqual([]);
});
