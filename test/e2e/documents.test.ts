import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ImageCounts } from '../../src/inventory/image-counts.ts';
import { formatReference, parseReference } from '../../src/oci/reference.ts';
import { cosignSignature, tagFor } from '../support/artifacts.ts';
import { chartYaml, fixtureChart, writeFiles } from '../support/charts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { startEcr, type TestEcr } from '../support/ecr.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startMirantis, type TestMirantis } from '../support/mirantis.ts';
import { podList, podObject, running } from '../support/pods.ts';
import { goProgram } from '../support/program.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { serve } from '../support/serve.ts';
import { tarOf } from '../support/tar.ts';

/** All documents that the commands print and write, from real runs: a field has one form in all of them, and counts agree. */

const home = scratchFolder();
const site = join(home, 'site');
const widgets = fixtureChart('widget-operator');
const project = 'quay.io/widget-project';
const web = 'quay.io/acme/web:1.0';
const [agent, gone, neverBuilt] = ['quay.io/acme/agent:2.0', 'quay.io/acme/gone:3.0', 'quay.io/acme/never-built:4.0'];
const [declared, debug] = ['quay.io/acme/declared:5.0', 'quay.io/acme/debug:6.0'];
let upstream: TestRegistry;
let target: TestRegistry;
let mirantis: TestMirantis;
let ecr: TestEcr;
const documents = new Map<string, unknown>();
const texts = new Map<string, { readonly stdout: string; readonly stderr: string }>();

const CHART = {
  // An image that only this list names is possible.
  'Chart.yaml': chartYaml('site', '1.0.0', `annotations:\n  artifacthub.io/images: "[{image: '${declared}'}]"\n`),
  'values.yaml': 'cache:\n  enabled: false\n',
  'templates/site.yaml': `apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
    - name: web
      image: ${web}
      command: [sh, -c, "curl -LO https://github.com/acme/site/releases/download/v1/site.tgz"]
      env:
        - { name: RELATED_IMAGE_GONE, value: "${gone}" }
        - { name: RELATED_IMAGE_DEBUG, value: "${debug}" }
{{- if .Values.cache.enabled }}
---
apiVersion: v1
kind: Pod
metadata: { name: cache }
spec: { containers: [{ name: cache, image: "quay.io/acme/cache:7.0" }] }
{{- end }}
`,
};

async function fill(host: string): Promise<void> {
  const push = (reference: string, more = {}): Promise<string> => {
    const [repository = '', tag] = reference.split(':');
    return pushImage(host, repository, tag, more);
  };
  const Env = [`RELATED_IMAGE_AGENT=${agent}`, `RELATED_IMAGE_NEVER_BUILT=${neverBuilt}`];
  const signed = await push(web, { config: { Env } });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signature = cosignSignature(privateKey, 'quay.io/acme/web', signed);
  await pushBuilt(host, 'quay.io/acme/web', tagFor(signed, 'sig'), signature);
  // Smaller programs are not scanned.
  const code = [[`${project}/agent:1.20.3`], [`${project}/cache:%s`]];
  const data = [['1.9.0'], ['1.10.0']];
  const program = Buffer.concat([goProgram({ build: ['path\tx'], code, data }), Buffer.alloc(300 * 1024)]);
  const layers = [tarOf([{ path: 'manager', content: program }])];
  await push(`${project}/operator:v1.0.0`, { layers, config: { Entrypoint: ['/manager'] } });
  for (const reference of [agent, `${project}/dashboard:v1.0.0`, `${project}/agent:1.20.3`]) await push(reference);
}

/** Runs a command with JSON as output, and keeps its document. */
async function run(name: string, ...args: string[]): Promise<void> {
  const env = {
    ...mirantis.env,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_ENDPOINT_URL_ECR: ecr.endpoint,
  };
  const { stdout, stderr, code } = await airgap([...args, '-o', 'json'], home, { env });
  // 3: a check whose answer is bad.
  if (code !== 0 && code !== 3) throw new Error(`${args.join(' ')} ended with ${code}:\n${stderr}`);
  documents.set(name, JSON.parse(stdout));
}

beforeAll(async () => {
  await writeFiles(site, CHART);
  [upstream, target] = [await startRegistry(), await startRegistry()];
  [mirantis, ecr] = [await startMirantis(), await startEcr({ repositories: ['eng/app'] })];
  await fill(upstream.host);
  const access = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  const accepted = ['gone', 'never-built'].flatMap((name) => ['--allow-missing', `quay.io/acme/${name}`]);
  const selected = [site, '--exclude', 'quay.io/acme/debug', ...accepted];
  const file = (name: string): string => join(home, name);
  const to = ['--to', `${target.host}/mirror`, '--plain-http', target.host];
  const [first, second, lock, receipt, log] = ['1.tar', '2.tar', 'airgap.lock', 'receipt.json', 'push.log'].map(
    file,
  ) as [string, string, string, string, string];

  await run('images', 'images', ...selected, '--network', '--what-if');
  await run('images --confirm', 'images', ...selected, '--confirm', ...access);
  await run('images --look-inside', 'images', widgets, '--look-inside', ...access);
  await run('images --why', 'images', site, '--why', web);
  await run('images --explain', 'images', site, '--explain', 'acme');
  await run('images --lock', 'images', ...selected, ...access, '--lock', lock);
  documents.set('lock file', parse(readFileSync(lock, 'utf8')));
  await run('images --check-lock', 'images', widgets, ...access, '--check-lock', lock);
  const [pods, list] = [file('pods.json'), file('images.txt')];
  const image = { image: web, imageID: `${web.replace(/:[^/]*$/, '')}@sha256:${'a'.repeat(64)}`, state: running };
  writeFileSync(pods, podList([podObject('web', { containers: { web: image } })]));
  writeFileSync(list, `${web}\nbusybox:1.36\n`);
  await run('images --pods', 'images', '--pods', pods);
  const streams = join(import.meta.dirname, '../../fixtures/image-streams/openshift-4');
  await run('image-streams', 'image-streams', streams);
  await run('image-streams --registry-addresses', 'image-streams', '--registry-addresses', streams);
  await run('images --image-streams', 'images', '--image-streams', streams);
  const [old, route] = [
    'docker-registry.default.svc:5000',
    'image-registry.openshift-image-registry.svc:5000=new.example',
  ];
  const pod = file('pod.yaml');
  writeFileSync(pod, `apiVersion: v1\nkind: Pod\nspec: { containers: [{ image: '${old}/shop/web:1' }] }\n`);
  const replacing = ['image-streams', streams, '--destination-route', route];
  await run('image-streams --registry-replacement', ...replacing, '--registry-replacement');
  await run('image-streams --rewrite', ...replacing, '--rewrite', pod, '--dry-run');
  await run('import', 'import', list, '--out', file('airgap.yaml'));
  await run('public-ecr', 'public-ecr', '--images', list, '--offline');
  texts.set('images', await airgapOk(['images', ...selected], home));
  texts.set('images --lock', await airgapOk(['images', ...selected, ...access, '--lock', lock], home));

  await run('bundle --dry-run', 'bundle', ...selected, ...access, '--out', first, '--dry-run');
  texts.set('bundle', await airgapOk(['bundle', ...selected, ...access, '--out', first], home));
  await run('bundle', 'bundle', ...selected, ...access, '--out', first);
  await run('bundle --since', 'bundle', ...selected, widgets, ...access, '--since', first, '--out', second);
  const included = ['--include-inside'];
  await run('bundle --include-inside', 'bundle', widgets, ...included, ...access, '--out', file('3.tar'));
  await run('inspect', 'inspect', first);
  await run('inspect of a delta', 'inspect', second);
  documents.set('inspect -o lock', JSON.parse((await airgapOk(['inspect', first, '-o', 'lock'], home)).stdout));
  await run('diff', 'diff', first, second);
  await run('verify', 'verify', first);
  texts.set('verify', await airgapOk(['verify', first], home));
  const served = await serve(first);
  documents.set('serve', served.document);
  await served.stop();
  await run('extract', 'extract', first, '--image', web, '--out', file('web.tar'));

  await run('push --dry-run', 'push', first, ...to, '--retire', second, '--dry-run');
  await run('push', 'push', first, ...to, '--retire', second, '--log-file', log, '--receipt', receipt);
  await run('push to two', 'push', first, ...to, '--to', `${target.host}/other`);
  const half = await airgap(['push', first, ...to, '--to', 'registry.invalid', '-o', 'json'], home);
  documents.set('push that fails', JSON.parse(half.stdout));
  texts.set('push', await airgapOk(['push', first, ...to], home));
  documents.set('receipt', JSON.parse(readFileSync(receipt, 'utf8')));
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  documents.set(
    '--log-file',
    lines.map((line) => JSON.parse(line)),
  );
  await run('verify --receipt', 'verify', '--receipt', receipt, '--plain-http', target.host);
  await run('values', 'values', 'site', '--bundle', first, ...to.slice(0, 2), '--pull-secret', 'login');
  await run('version', 'version');
  const inEcr = [ecr.host, '--registry-type', 'ecr', '--region', 'eu-central-1', '--plain-http', ecr.host];
  await run('login', 'login', ...inEcr);
  await run('doctor', 'doctor', `${target.host}/mirror`, '--plain-http', target.host);
  await runAccess(file('access.yaml'), file('principals.yaml'));
});
afterAll(() => Promise.all([upstream?.stop(), target?.stop(), mirantis?.stop(), ecr?.stop()]));

/** Exports accounts and rights, and applies them to what has another state by then, and to ECR. */
async function runAccess(access: string, principals: string): Promise<void> {
  const plain = ['--plain-http', mirantis.host];
  const { state } = mirantis;
  state.user('ann', { isAdmin: true }).organization('eng', ['ann']).team('eng', 'dev', ['ann']);
  state.repository('eng/app', { visibility: 'public' }, { dev: 'admin' });
  await run('access export', 'access', 'export', access, '--from', mirantis.host, ...plain);
  documents.set('access file', parse(readFileSync(access, 'utf8')));
  state.accounts.delete('ann');
  state.organizations.get('eng')?.members.clear();
  state.organizations.get('eng')?.teams.get('dev')?.members.clear();
  state.repositories.get('eng/app')?.teams.set('dev', 'read-only');
  await run('access apply', 'access', 'apply', access, '--to', mirantis.host, ...plain);
  const map = { teams: { 'eng/dev': ['arn:aws:iam::123456789012:role/dev'] } };
  writeFileSync(principals, JSON.stringify({ apiVersion: 'airgap/v1', kind: 'PrincipalMap', ...map }));
  const to = ['--to', '123456789012.dkr.ecr.eu-central-1.amazonaws.com', '--naming', 'path'];
  await run('access apply to ECR', 'access', 'apply', access, ...to, '--principals', principals);
}

interface Field {
  readonly path: string;
  readonly key: string;
  readonly value: unknown;
}

/** Returns the fields of a document. Values of charts have keys of their own. */
function fieldsOf(value: unknown, path: string): Field[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, `${path}[]`));
  return Object.entries(value).flatMap(([key, child]) => {
    const field = { path: `${path}.${key}`, key, value: child };
    return key === 'overrides' || key === 'recipes' ? [field] : [field, ...fieldsOf(child, field.path)];
  });
}

const allFields = (): Field[] => [...documents].flatMap(([name, document]) => fieldsOf(document, name));

/** Reports whether a text is a reference in its only spelling, or `charts/NAME:TAG`, a chart in a bundle. */
function isCanonical(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return /^charts\/[^/:]+:[^/:]+$/.test(value) || formatReference(parseReference(value)) === value;
}

describe('in all documents', () => {
  test('there are the fields that these tests are about', () => {
    const paths = new Set(allFields().map(({ path }) => path));
    for (const path of [
      'images.whatIf[].reference',
      'images.network[].url',
      'images --confirm.missing[].reference',
      'images --look-inside.inside.found[].reference',
      'images --look-inside.inside.open[].possible',
      'images --explain.charts[].occurrences[].reference',
      'images --pods.images[].found[].pod.running',
      'import.images[].image',
      'public-ecr.images[].equivalent',
      'bundle.missing[].reference',
      'bundle --since.inside.found[].reference',
      'diff.images.added[].reference',
      'push --dry-run.retired[].target',
      'push --dry-run.referrers.items[].subject',
      'receipt.items[].target',
      '--log-file[].reference',
      'login.stored[].file',
      'access export.counts.rights',
      'access file.repositories[].settings.visibility',
      'access apply.changes[].fields[].from',
      'access apply.notApplied[].reason',
      'access apply to ECR.policies[].policy.Statement[].Principal',
    ])
      expect(paths, path).toContain(path);
  });

  test('a reference is a string in its canonical form, and references are a list of them', () => {
    const named = allFields().filter(({ key }) => key === 'reference' || key === 'image');
    expect(named.filter(({ value }) => !isCanonical(value))).toEqual([]);
    const lists = allFields().filter(({ key, value }) => key === 'references' && typeof value !== 'number');
    expect(lists.filter(({ value }) => !(Array.isArray(value) && value.every(isCanonical)))).toEqual([]);
  });

  test('a digest is algorithm and hexadecimal digits', () => {
    const digests = allFields().filter(({ key }) => /^(?:digest|lockDigest|subject|sourceDigest)$/.test(key));
    expect(digests.length).toBeGreaterThan(20);
    // A lock file has an empty digest where no registry has the image.
    const isEmpty = ({ path, value }: (typeof digests)[number]): boolean =>
      value === '' && /^(?:images --lock|lock file)\.images\[\]\.digest$/.test(path);
    const isDigest = ({ value }: (typeof digests)[number]): boolean => /^sha256:[0-9a-f]{64}$/.test(String(value));
    expect(digests.filter((digest) => !isDigest(digest) && !isEmpty(digest))).toEqual([]);
  });

  test('a time is in ISO 8601, in UTC', () => {
    const times = allFields().filter(({ key }) => /^(?:time|at|started|finished|expires)$/.test(key));
    expect(times.length).toBeGreaterThan(4);
    expect(times.filter(({ value }) => new Date(String(value)).toISOString() !== value)).toEqual([]);
  });
});

describe('the counts of images', () => {
  const counts = (name: string): ImageCounts => (documents.get(name) as { counts: ImageCounts }).counts;

  test.each(['images', 'images --confirm', 'bundle --dry-run', 'bundle', 'bundle --since', 'bundle --include-inside'])(
    'of %s add up',
    (name) => {
      const { listed, imageConfigs, operatorImages, bundled, possible, missing, unchecked } = counts(name);
      expect(bundled + possible + missing + unchecked).toBe(listed + imageConfigs + operatorImages);
    },
  );

  test('agree in all commands, and bundle says why it has others than images', () => {
    const none = { imageConfigs: 0, operatorImages: 0, missing: 0, unchecked: 0 };
    // web, gone, declared
    expect(counts('images')).toEqual({ ...none, listed: 3, bundled: 2, possible: 1, excluded: 1 });
    // agent and never-built are named by the config of web
    const expected = { ...none, listed: 3, imageConfigs: 2, bundled: 2, possible: 1, missing: 2, excluded: 1 };
    expect(counts('bundle')).toEqual(expected);
    expect(counts('bundle --dry-run')).toEqual(expected);
    expect(counts('bundle --include-inside').operatorImages).toBeGreaterThan(0);
    const length = (name: string, key: string): number =>
      ((documents.get(name) as Record<string, unknown[]>)[key] as unknown[]).length;
    expect(length('images', 'images')).toBe(3);
    const { lock } = documents.get('bundle') as { lock: { images: unknown[]; charts: unknown[] } };
    const images = [lock.images.length, ...['inspect', 'verify', 'push'].map((name) => length(name, 'images'))];
    const charts = [
      lock.charts.length,
      ...['images', 'inspect', 'verify', 'push'].map((name) => length(name, 'charts')),
    ];
    const estimate = documents.get('bundle --dry-run') as { images: number; charts: number };
    expect([estimate.images, ...images]).toEqual([2, 2, 2, 2, 2]);
    expect([estimate.charts, ...charts]).toEqual([1, 1, 1, 1, 1, 1]);

    const said = (name: string): string => `${texts.get(name)?.stdout}\n${texts.get(name)?.stderr}`;
    expect(said('images')).toMatch(/^3 images\b.*\b2 that bundle takes\b.*\b1 possible\b/m);
    expect(said('bundle')).toMatch(
      /^2 images: 3 that helm airgap images lists\b.*\b2 more in image configs\b.*\b1 possible\b.*\b2 missing\b/m,
    );
    // The lock file does not read image configs.
    expect(said('images --lock')).toMatch(
      /\b1 image \(3 that helm airgap images lists\b.*\b1 possible\b.*\b1 missing\b/,
    );
    for (const name of ['bundle', 'verify', 'push'])
      expect(said(name), name).toMatch(/\b1 chart, 2 images\b|\b2 images, 1 chart\b/);
  });
});
