import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { airgap } from '../../support/cli.ts';
import { expectLine } from '../../support/facts.ts';
import { pushImage } from '../../support/images.ts';
import { startTlsMirantis, type TlsMirantis } from '../../support/mirantis-tls.ts';
import { type PageRun, pageBlocks, runPage } from '../../support/page.ts';
import { tagsOf, treeOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';

/**
 * The commands of docs/guides/whole-registry.md. Both registries are stand-ins for Mirantis Secure Registry in front of a real
 * registry, with TLS, authorities of their own, and tokens.
 */

const PAGE = 'docs/guides/whole-registry.md';
const SOURCE_TOKEN = 'secret of the source';
const DEST_TOKEN = 'secret of the destination';

let source: TlsMirantis;
let dest: TlsMirantis;
let runs: PageRun[];
let replace: Readonly<Record<string, string>>;
const cwd = scratchFolder();

beforeAll(async () => {
  source = await startTlsMirantis(`migration:${SOURCE_TOKEN}`);
  dest = await startTlsMirantis(`migration:${DEST_TOKEN}`);
  writeFileSync(join(cwd, 'ca.pem'), `${source.ca}\n${dest.ca}`);
  for (const repository of ['platform/api', 'platform/scratch', 'shop/web', 'other/tool']) {
    await pushImage(source.content.host, repository, '1.0');
    await pushImage(source.content.host, repository, '1.1', {
      platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'],
    });
    source.api.state.repository(repository, { immutableTags: repository === 'shop/web' }, {});
  }
  await pushImage(source.content.host, 'platform/api', '0.9-broken');
  source.api.state
    .user('ann', { fullName: 'Ann' })
    .user('bob')
    .organization('platform', ['*ann', 'bob'], 'Platform')
    .team('platform', 'dev', ['bob'])
    .organization('shop', ['bob'])
    .organization('other');
  source.api.state.repositories.get('platform/api')?.teams.set('dev', 'read-write');
  replace = {
    'source.msr.example.com': source.host,
    'dest.msr.example.com': dest.host,
    'source-token': SOURCE_TOKEN,
    'dest-token': DEST_TOKEN,
  };
  runs = await runPage(PAGE, {
    cwd,
    home: scratchFolder(),
    replace,
    before: () => void source.contentRequests.splice(0),
  });
});
afterAll(() => Promise.all([source.stop(), dest.stop()]));

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

test('no command prints a secret', () => {
  const written = ['airgap.yaml', 'tags.json', 'migration.log', 'receipt.json'].map((file) =>
    readFileSync(join(cwd, file), 'utf8'),
  );
  for (const text of [...runs.map(({ output }) => output), ...written]) {
    expect(text).not.toContain(SOURCE_TOKEN);
    expect(text).not.toContain(DEST_TOKEN);
  }
});

test('the imported file is the one that the page shows, and names what it left', () => {
  const shown = pageBlocks(PAGE).find(({ language, mark }) => language === 'yaml' && mark === '')?.text ?? '';
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
  const wanted = tagsOf(source.content).filter((line) => /^(?:platform\/api|shop\/web):1/.test(line));
  expect(wanted).toHaveLength(4);
  expect(tagsOf(dest.content)).toEqual(wanted);
  expect(treeOf(dest.content, 'shop')).toEqual(treeOf(source.content, 'shop'));
  expectLine(outputOf('verify --receipt'), dest.host);
});

test('the destination has the organizations, teams, rights and settings, and accounts without passwords', () => {
  const { accounts, organizations, repositories } = dest.api.state;
  expect([...organizations.keys()].sort()).toEqual(['platform', 'shop']);
  expect(organizations.get('platform')?.members.get('ann')).toMatchObject({ isAdmin: true });
  expect([...(organizations.get('platform')?.teams.get('dev')?.members.keys() ?? [])]).toEqual(['bob']);
  expect(repositories.get('platform/api')?.teams.get('dev')).toBe('read-write');
  expect(repositories.get('shop/web')?.immutableTags).toBe(true);
  expect(accounts.get('bob')?.password).not.toBe('password-of-bob');
  expect(readFileSync(join(cwd, 'access.yaml'), 'utf8')).not.toContain('password-of');
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
  const asked = source.contentRequests.filter((request) => /\/(?:blobs|manifests)\//.test(request));
  expect(asked.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD']);
});
