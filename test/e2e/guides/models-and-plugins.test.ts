import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildArtifact, manifestAt } from '../../support/artifacts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../../support/cli.ts';
import { pushBuilt } from '../../support/images.ts';
import { pageBlocks, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The commands of docs/guides/models-and-plugins.md, with artifacts that are no images. */

const home = scratchFolder();
const cwd = join(home, 'work');
const PLACEHOLDER = `sha256:${'1'.repeat(64)}`;
/** Repository and tag of each artifact upstream. */
const ARTIFACTS = [
  ['quay.io/acme/models/support', '1.2', 'application/vnd.acme.model.v1+onnx'],
  ['quay.io/acme/models/ranker', '3', 'application/vnd.acme.model.v1+onnx'],
  ['ghcr.io/acme/plugins/auth', '0.4', 'application/vnd.module.wasm.content.layer.v1+wasm'],
] as const;
const digests = new Map<string, string>();
let upstream: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  mkdirSync(cwd);
  for (const [repository, tag, mediaType] of ARTIFACTS) {
    const artifact = buildArtifact({
      artifactType: mediaType,
      layers: [{ mediaType, bytes: Buffer.from(`${repository} ${tag}`) }],
    });
    digests.set(repository, await pushBuilt(upstream.host, repository, tag, artifact));
  }
  await fillUpstream(upstream.host, [
    'quay.io/acme/data/glossary:7',
    'ghcr.io/acme/chat:5.1',
    'ghcr.io/acme/search/server:2.0',
  ]);
  const chart = join(home, 'search');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: search\nversion: 2.0.0\n');
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: s}\nspec: {containers: [{name: s, image: "ghcr.io/acme/search/server:2.0"}]}\n';
  writeFileSync(join(chart, 'templates/pod.yaml'), pod);
  await program(helmUnderTest(), ['package', chart, '-d', home], home);
  const archive = join(home, 'search-2.0.0.tgz');
  await program(helmUnderTest(), ['push', archive, `oci://${upstream.host}/ghcr.io/acme/charts`, '--plain-http'], home);
  const pushed = await manifestAt(upstream.host, 'ghcr.io/acme/charts/search', '2.0.0');
  digests.set('ghcr.io/acme/charts/search', pushed?.digest ?? '');
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

/** Flags that stand for the registries of the page. */
function flags(command: string): string[] {
  const plain = ['--plain-http', upstream.host, '--plain-http', target.host];
  const charts = ['--chart-mirror', `oci://ghcr.io=oci://${upstream.host}/ghcr.io`];
  const images = ['quay.io', 'ghcr.io'].flatMap((host) => ['--mirror', `${host}=${upstream.host}/${host}`]);
  if (command === 'images') return [...plain, ...charts];
  if (command === 'bundle' || command === 'mirror') return [...plain, ...charts, ...images];
  return ['push', 'check', 'values'].includes(command) ? ['--plain-http', target.host] : [];
}

test('every command of the page works, and every artifact arrives with its digest', async () => {
  const digest = digests.get('ghcr.io/acme/charts/search') ?? '';
  const runs = await runPage('docs/guides/models-and-plugins.md', {
    cwd,
    home,
    replace: { 'registry.example.com': target.host, [PLACEHOLDER]: digest },
    flags,
  });
  const listed = runs[0]?.output ?? '';
  for (const [repository, tag] of ARTIFACTS) expect(listed).toContain(`${repository}:${tag}`);
  expect(listed).toContain(`ghcr.io/acme/charts/search@${digest}`);
  expect(listed).toContain('ghcr.io/acme/search/server:2.0');
  for (const prefix of ['mirror', 'direct']) {
    for (const [repository, tag] of ARTIFACTS) {
      expect((await manifestAt(target.host, `${prefix}/${repository}`, tag))?.digest).toBe(digests.get(repository));
    }
    expect((await manifestAt(target.host, `${prefix}/ghcr.io/acme/charts/search`, digest))?.digest).toBe(digest);
    expect((await manifestAt(target.host, `${prefix}/charts/search`, '2.0.0'))?.digest).toBe(digest);
  }
});

test('the overrides are those of the page, and the render with them names nothing public', async () => {
  const written = parse(readFileSync(join(cwd, 'private/assistant.yaml'), 'utf8'));
  const shown = pageBlocks('docs/guides/models-and-plugins.md').findLast(({ language }) => language === 'yaml');
  expect(written).toEqual(parse((shown?.text ?? '').replaceAll('registry.example.com', target.host)));
  const rendered = await program(
    helmUnderTest(),
    ['template', 'x', join(cwd, 'assistant'), '-f', join(cwd, 'private/assistant.yaml')],
    home,
  );
  const map = join(cwd, 'private/assistant.post-render.json');
  const { stdout } = await airgapOk(['post-render', '--map', map], home, { input: rendered });
  expect(stdout).toContain(`oci://${target.host}/mirror/ghcr.io/acme/plugins/auth:0.4`);
  expect(stdout).toContain(`oci+native://${target.host}/mirror/quay.io/acme/models/ranker:3`);
  expect(stdout.match(/(?<!\/mirror\/)(?:quay|ghcr)\.io\/\S+/g) ?? []).toEqual([]);
});

test('nodes are not asked to pull what only controllers fetch', async () => {
  const bundle = join(cwd, 'assistant.tar');
  const jobs = [
    'check',
    'assistant',
    '--bundle',
    bundle,
    '--to',
    `${target.host}/mirror`,
    '--unmapped=post-render',
    '--test-pod',
  ];
  const { stdout } = await airgapOk(jobs, home);
  expect(stdout).toContain('/mirror/quay.io/acme/models/support');
  expect(stdout).toContain('/mirror/quay.io/acme/data/glossary');
  expect(stdout).not.toContain('/plugins/auth');
  expect(stdout).not.toContain('/charts/search');
});

test.each([
  // The template fixes the tag of the ranker, which one repository for all images changes.
  { more: ['--naming', 'single-repository'], model: '/mirror:1.2---quay.io--acme--models--support', unmapped: 3 },
  { more: ['--naming', 'as-written'], model: '/mirror/quay.io/acme/models/support:1.2', unmapped: 2 },
  { more: ['--pin'], model: '/mirror/quay.io/acme/models/support:1.2@DIGEST', unmapped: 2 },
])('a scheme stays with $more', async ({ more, model, unmapped }) => {
  const from = ['assistant', '--bundle', join(cwd, 'assistant.tar'), '--no-check-target', '-o', 'json'];
  const run = await airgap(['values', ...from, '--to', `${target.host}/mirror`, ...more], home);
  const { proof, overrides } = JSON.parse(run.stdout);
  const digest = digests.get('quay.io/acme/models/support') ?? '';
  expect(overrides.model).toBe(`oci://${target.host}${model.replace('DIGEST', digest)}`);
  expect(proof.residue).toHaveLength(unmapped);
});

test('artifacts have no platform, and are taken for each', async () => {
  const file = join(cwd, 'arm64.tar');
  await airgapOk(['bundle', 'assistant', '--platform', 'linux/arm64', '--out', file, ...flags('bundle')], home, {
    cwd,
  });
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const found = new Map(
    lock.images.map((image: { reference: string; digest: string }) => [image.reference, image.digest]),
  );
  for (const [repository, tag] of ARTIFACTS) expect(found.get(`${repository}:${tag}`)).toBe(digests.get(repository));
});

test('a chart whose digest the registry does not have is an error, never another version', async () => {
  const digest = `sha256:${'b'.repeat(64)}`;
  const args = ['bundle', 'assistant', '--set', `search.digest=${digest}`, '--out', join(cwd, 'none.tar')];
  const run = await airgap([...args, ...flags('bundle')], home, { cwd });
  expect(run.code).not.toBe(0);
  expect(run.stderr).toContain(`search@${digest}`);
  expect(existsSync(join(cwd, 'none.tar'))).toBe(false);
});
