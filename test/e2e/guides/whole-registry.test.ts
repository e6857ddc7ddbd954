import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { issued } from '../../support/certificate.ts';
import { airgap } from '../../support/cli.ts';
import { expectLine } from '../../support/facts.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { type GuideRun, guideBlocks, runGuide } from '../../support/guide.ts';
import { pushImage } from '../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf, treeOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';

/**
 * The commands of docs/guides/whole-registry.md. The source is a registry that issues tokens, the destination one with passwords; both
 * have TLS with authorities of their own.
 */

const PAGE = 'whole-registry';
const SOURCE_TOKEN = 'secret of the source';
// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'migration:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const DEST_TOKEN = 'geheim123';

let stored: TestRegistry;
let source: FaultProxy;
let dest: TestRegistry;
let runs: GuideRun[];
let replace: Readonly<Record<string, string>>;
const cwd = scratchFolder();

beforeAll(async () => {
  const { ca, ...pair } = issued('registry.test');
  stored = await startRegistry();
  source = await startFaultProxy(stored.host, `migration:${SOURCE_TOKEN}`, 'source.test');
  dest = await startRegistry({ htpasswd: HTPASSWD, tls: pair });
  writeFileSync(join(cwd, 'ca.pem'), `${source.tlsFront.authority}\n${ca}`);
  for (const repository of ['platform/api', 'platform/scratch', 'shop/web', 'other/tool']) {
    await pushImage(stored.host, repository, '1.0');
    await pushImage(stored.host, repository, '1.1', { platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'] });
  }
  await pushImage(stored.host, 'platform/api', '0.9-broken');
  replace = {
    'source.msr.example.com': source.tlsFront.host,
    'dest.msr.example.com': dest.host,
    'source-token': SOURCE_TOKEN,
    'dest-token': DEST_TOKEN,
  };
  runs = await runGuide(PAGE, {
    cwd,
    home: scratchFolder(),
    replace,
    before: () => source.begin(),
  });
});
afterAll(async () => {
  await Promise.all([source.stop(), stored.stop(), dest.stop()]);
});

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

test('every command ends with 0, and none prints a secret', () => {
  expect(runs.map(({ text, code, output }) => [text, code, code === 0 ? '' : output])).toEqual(
    guideBlocks(PAGE)
      .filter(({ language, mark }) => language === 'sh' && mark === '')
      .map(({ text }) => [text, 0, '']),
  );
  const written = ['airgap.yaml', 'tags.json', 'migration.log', 'receipt.json'].map((file) =>
    readFileSync(join(cwd, file), 'utf8'),
  );
  for (const text of [...runs.map(({ output }) => output), ...written]) {
    expect(text).not.toContain(SOURCE_TOKEN);
    expect(text).not.toContain(DEST_TOKEN);
  }
});

test('the imported file is the one that the page shows, and names what it left', () => {
  const shown = guideBlocks(PAGE).find(({ language, mark }) => language === 'yaml' && mark === '')?.text ?? '';
  const here = Object.entries(replace).reduce((text, [from, to]) => text.replaceAll(from, to), shown);
  const written = readFileSync(join(cwd, 'airgap.yaml'), 'utf8');
  expect(written).toContain(here);
  expect(parse(written)).toMatchObject({ caFile: 'ca.pem' });
  for (const [line, text] of [
    [10, '--concurrency 5'],
    [11, '--ca-file'],
    [12, 'MKE_NODE_SSH_KEY'],
  ] as const)
    expectLine(written, `migration.env:${line}`, text);
});

test('the list has the organizations of the file, and the dry run what is left of it', () => {
  expect(outputOf('tags.json --list').match(/\S+:(?:1\.[01]|0\.9-broken)/g)).toHaveLength(5);
  expect(outputOf('--dry-run')).not.toMatch(/scratch|broken/);
  expectLine(outputOf('--dry-run'), `${dest.host}/platform/api:1.0`);
});

test('the destination has all platforms of what was chosen, under the same names', () => {
  const wanted = tagsOf(stored).filter((line) => /^(?:platform\/api|shop\/web):1/.test(line));
  expect(wanted).toHaveLength(4);
  expect(tagsOf(dest)).toEqual(wanted);
  expect(treeOf(dest, 'shop')).toEqual(treeOf(stored, 'shop'));
  expectLine(outputOf('verify --receipt'), dest.host);
});

test('without its variable, the login that is needed is an error', async () => {
  const env = { SOURCE_MSR_USERNAME: 'migration', DEST_MSR_TOKEN: '' };
  const run = await airgap(['mirror', '--config', 'airgap.yaml', '--list', '-o', 'json'], scratchFolder(), {
    cwd,
    env,
  });
  expect(run.code).toBe(2);
  expect(run.stdout).toContain('SOURCE_MSR_TOKEN');
  expect(run.stdout).not.toContain('DEST_MSR');
});

test('a second run asks for the digests of tags alone, and writes nothing', () => {
  const output = outputOf("'*-broken'");
  expectLine(output, dest.host, '4 images');
  expectLine(output, '0 blobs uploaded');
  const asked = source.requests.filter(({ path }) => /\/(?:blobs|manifests)\//.test(path));
  expect(asked.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD']);
});
