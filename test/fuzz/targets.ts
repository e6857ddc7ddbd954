import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { stringify } from 'yaml';
import { readAuthFile } from '../../src/auth/auth-file.ts';
import { parseChallenges } from '../../src/auth/challenge.ts';
import { fetchToken } from '../../src/auth/token.ts';
import { ignoreEvents } from '../../src/base/events.ts';
import { checkName, isName } from '../../src/base/names.ts';
import { redact } from '../../src/base/redact.ts';
import { parseSplitIndex } from '../../src/bundle/files/split-index.ts';
import { readDockerSave } from '../../src/bundle/format/docker-save.ts';
import { openBundle } from '../../src/bundle/reading/bundle.ts';
import { parseIndexContents } from '../../src/bundle/reading/contents.ts';
import { parseDetached } from '../../src/bundle/signing/detached.ts';
import { claimOf } from '../../src/bundle/signing/signature.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import { Journal } from '../../src/bundle/writing/journal.ts';
import { readAccess, readConfig, readLockFile } from '../../src/cli/config/read.ts';
import { readSkopeoSync } from '../../src/cli/config/skopeo-sync.ts';
import { checkContainerImages, crossCheckImages } from '../../src/discovery/cross-check.ts';
import { discoverReferences } from '../../src/discovery/discover.ts';
import { readArchive } from '../../src/helm/chart-archive.ts';
import { parseMetadata } from '../../src/helm/chart-metadata.ts';
import { splitDocuments } from '../../src/helm/documents.ts';
import { formatAccess } from '../../src/inventory/access.ts';
import { readExportedInventory } from '../../src/inventory/exported-inventory.ts';
import { formatInventory, parseInventory } from '../../src/inventory/inventory.ts';
import { formatLockFile } from '../../src/inventory/lock-file.ts';
import { readMirrorPlan } from '../../src/inventory/mirror-plan.ts';
import { readMissingList } from '../../src/inventory/missing-list.ts';
import { readVerdicts } from '../../src/inventory/verdicts.ts';
import { parsePods } from '../../src/kubernetes/pods.ts';
import { parsePullSecret } from '../../src/kubernetes/pull-secret.ts';
import { readManifests } from '../../src/manifests/read-manifests.ts';
import { manifestSource } from '../../src/manifests/source.ts';
import { MediaType } from '../../src/oci/descriptor.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { formatReference, parseReference, type Reference, tryParseReference } from '../../src/oci/reference.ts';
import { namesInProgram } from '../../src/operator-scan/image/names-in-program.ts';
import { TarStream } from '../../src/operator-scan/image/tar-stream.ts';
import { editImages } from '../../src/overrides/formats/kustomization-edit.ts';
import { readKustomization } from '../../src/overrides/formats/kustomization-file.ts';
import { programPlatform } from '../../src/workflows/bundle/tools/program-platform.ts';
import { planImageStreams } from '../../src/workflows/image-streams/plan.ts';
import { referenceOf } from '../../src/workflows/mirror/listing/references.ts';
import { newestTags } from '../../src/workflows/mirror/listing/tag-version.ts';
import { readReceipt } from '../../src/workflows/push/read-receipt.ts';
import { chart as bundledChart, graphOf, inventoryOf, registry, write } from '../support/bundles.ts';
import { checkDocument, checkedImage } from '../support/check-document.ts';
import { HOSTILE_MANIFESTS } from '../support/hostile-yaml.ts';
import { buildConfig, imageStream, pushed } from '../support/image-streams.ts';
import { CLUSTER, podList } from '../support/pods.ts';
import { goProgram } from '../support/program.ts';
import fc from '../support/property.ts';
import { scratchFolder } from '../support/scratch.ts';
import { tarOf } from '../support/tar.ts';
import { elfProgram, toolFiles, withTools } from '../support/tools.ts';
import { accessTargets } from './access-targets.ts';
import { editTargets } from './edit-targets.ts';
import { listTargets } from './list-targets.ts';
import { mutated, mutatedJson } from './mutate.ts';
import { registryTargets } from './registry-targets.ts';
import { sigstoreTargets } from './sigstore-targets.ts';

/** A parser of foreign bytes. */
export interface Target {
  readonly name: string;
  /** Valid inputs. */
  readonly seeds: readonly Buffer[];
  /** Inputs derived from the seeds, so that they pass the first checks. */
  readonly bytes: fc.Arbitrary<Buffer>;
  /** Number of inputs of a test run: more for fast parsers. */
  readonly runs: number;
  /** Parses them. Throws an AirgapError for refused inputs, and any other error for a fault. */
  readonly read: (bytes: Buffer) => unknown;
}

const DIGEST = `sha256:${'1'.repeat(64)}` as const;
const folder = scratchFolder();
/** Writes a file with these bytes, for parsers that take a path. */
function file(bytes: Buffer, name = 'input'): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** An export of OpenShift with each kind of tag. */
const EXPORT = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    imageStream('shop/web', {
      latest: { images: [pushed('shop/web', DIGEST)] },
      stable: { from: { kind: 'ImageStreamTag', name: 'web:latest' }, images: [pushed('shop/web', DIGEST)] },
      v1: { from: { kind: 'ImageStreamImage', name: `web@${DIGEST}` }, images: [pushed('shop/web', DIGEST)] },
      redis: { from: { kind: 'DockerImage', name: 'redis:7' }, policy: 'Local', images: [[`redis@${DIGEST}`, DIGEST]] },
      failed: { from: { kind: 'DockerImage', name: 'redis:8' }, reference: true, failure: 'no such host' },
    }),
    buildConfig('shop/web', 'web:latest'),
    {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: { name: 'default-route', namespace: 'openshift-image-registry' },
      spec: { host: 'registry.apps.example', to: { kind: 'Service', name: 'image-registry' } },
    },
  ],
};

const bundlePath = join(scratchFolder(), 'seed.tar');
const seedGraph = await graphOf(registry());
const tools = toolFiles(folder, { 'airgap-0.1.0-linux-amd64.tgz': 700, 'helm-v4.1.4-linux-amd64': 1 });
const seedInventory = withTools(inventoryOf(seedGraph, [bundledChart]), tools);
await write(bundlePath, registry(), { tools, inventory: seedInventory });
const bundleBytes = readFileSync(bundlePath);
const seed = await openBundle(bundlePath);
const lock = seed.inventory();
await seed.close();
if (lock === undefined) throw new Error('the seed bundle has no lock');
const indexAt = bundleBytes.indexOf('{"schemaVersion":2', bundleBytes.indexOf('index.json'));
const index: unknown = JSON.parse(
  bundleBytes.toString(
    'utf8',
    indexAt,
    indexAt + Number.parseInt(bundleBytes.toString('latin1', indexAt - 388, indexAt - 377), 8),
  ),
);

const kustomization = Buffer.from(`resources: [web.yaml] # mine
images:
  - name: nginx # web
    newTag: '1.27'
  - {name: quay.io/team/app, digest: "sha256:${'ab'.repeat(32)}"}
  - newName: "old.example/x"
    name: x
patches: [{patch: "- op: remove\\n  path: /x"}]
`);
const manifest = {
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  artifactType: 'application/x',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 10 },
  layers: [
    {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: DIGEST,
      size: 10,
      urls: ['https://a.example/x'],
    },
  ],
  subject: { mediaType: MediaType.ociManifest, digest: DIGEST, size: 10 },
};

const missing: unknown = JSON.parse(
  checkDocument(
    [
      checkedImage('quay.io/a:1', 'not-pushed', { digest: DIGEST, sourceDigest: DIGEST }),
      checkedImage('docker.io/library/b:1', 'wrong-platform', { platformsAtTarget: ['linux/arm64/v8'] }),
      checkedImage('quay.io/c:1', 'no-permission'),
    ],
    [{ name: 'app', version: '1.0.0', profile: 'default', status: 'not-pushed' }],
  ),
);

/** Archives with valid checksums and arbitrary names, types and sizes. */
const archives = fc
  .array(
    fc.record({
      path: fc.oneof(
        fc.constantFrom(
          'oci-layout',
          './index.json',
          'index.json',
          'a/../index.json',
          'app/Chart.yaml',
          'app/../../x',
          '/x',
          'app',
        ),
        fc.string({ maxLength: 120 }),
      ),
      type: fc.constantFrom('0', '1', '2', '3', '5', '7', 'x', 'g', 'L', 'K', 'S', '\0', 'V'),
      content: fc.oneof(
        fc.constantFrom(
          '',
          'x',
          '{}',
          '{"imageLayoutVersion":"1.0.0"}',
          '{"schemaVersion":2,"manifests":[]}',
          '20 path=../../etc/x\n',
          '12 size=-1\n',
        ),
        fc.string({ maxLength: 1500 }),
      ),
      size: fc.option(fc.constantFrom(0, 1, 511, 2 ** 33 - 1), { freq: 8 }),
    }),
    { maxLength: 8 },
  )
  .map((entries) =>
    Buffer.concat([
      ...entries.map(({ path, type, content, size }) => {
        const body = Buffer.from(content);
        const block = Buffer.alloc(512);
        new Header({ path: 'x', size: size ?? body.length, mode: 0o644, type: 'File' }).encode(block);
        block.fill(0, 0, 100).write(path.slice(0, 99), 0);
        block[156] = type.charCodeAt(0);
        block.fill(' ', 148, 156);
        block.write(
          `${block
            .reduce((sum, byte) => sum + byte, 0)
            .toString(8)
            .padStart(6, '0')}\0 `,
          148,
        );
        return Buffer.concat([block, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
      }),
      Buffer.alloc(1024),
    ]),
  );

const chart = tarOf([
  { path: 'app/Chart.yaml', content: 'apiVersion: v2\nname: app\nversion: 1.2.3\n' },
  { path: 'app/values.yaml', content: 'image:\n  repository: quay.io/a/b\n' },
  { path: 'app/templates/x.yaml', content: 'kind: Pod\n' },
]);

const rendered = Buffer.from(`---
# Source: app/templates/x.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, annotations: {"a": &a "quay.io/a/b:1"}}
spec:
  template:
    spec:
      containers:
        - name: "c"
          image: "quay.io/a/b:1"
          args: ["--image=quay.io/a/c:2", *a]
          env: [{name: RELATED_IMAGE_X, value: 'docker.io/x/y@${DIGEST}'}]
---
# Source: app/templates/y.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: y
data:
  config.json: '{"image":{"repository":"quay.io/a/d","tag":"3"}}'
  run.sh: |
    helm upgrade --install x oci://r.example/charts/x --version 1.2.3 -f values.yaml
    curl -fsSL https://a.example/x.tgz | tar xz
`);

const config = Buffer.from(`apiVersion: airgap/v1
kind: Config
charts:
  - chart: ./app
    releaseName: rel
    profiles: [{name: default, values: [a.yaml], set: ["a=b"]}]
images: ["docker.io/library/busybox:\${NAME}"]
exclude: [{pattern: "quay.io/*", reason: x}]
mirrors: {quay.io: r.example/quay}
naming: {default: host-path, rules: [{match: "quay.io/*", to: "x/{name}"}]}
signatures: {trustedRoot: root.json, rules: [{images: "*", identityRegexp: "^a", issuer: b}, {images: x, key: k.pub}]}
`);

const exported = {
  apiVersion: 'airgap/v1',
  kind: 'BundleLock',
  schemaVersion: 1,
  size: bundleBytes.length,
  lockDigest: DIGEST,
  lock,
  blobs: [{ digest: DIGEST, size: 1, repositories: ['quay.io/a'] }],
};
const verdicts = {
  apiVersion: 'airgap/v1',
  kind: 'Verdicts',
  command: 'trivy image --input {}',
  finished: '2026-11-24T15:00:00.000Z',
  verdicts: [
    {
      image: 'quay.io/a:1',
      digest: `sha256:${'0'.repeat(64)}`,
      manifest: `sha256:${'1'.repeat(64)}`,
      platform: 'linux/amd64',
      status: 'failed',
      exitCode: 1,
      output: 'CVE-2026-1',
    },
  ],
};

const receipt = {
  apiVersion: 'airgap/v1',
  kind: 'Receipt',
  target: 'r.example/m',
  naming: 'host-path',
  bundles: [{ file: 'b.tar', size: 10, lock: DIGEST }],
  started: '2026-11-22T10:00:00.000Z',
  finished: '2026-11-22T10:00:01.000Z',
  seconds: 1,
  bytes: 10,
  items: [
    {
      source: 'quay.io/a:1',
      target: 'r.example/m/quay.io/a:1',
      digest: DIGEST,
      status: 'pushed',
      at: '2026-11-22T10:00:00.000Z',
    },
  ],
};
const pullSecret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'regcred', namespace: 'apps' },
  type: 'kubernetes.io/dockerconfigjson',
  stringData: {
    '.dockerconfigjson': JSON.stringify({
      auths: { 'https://*.example:5000/v1/a': { auth: 'dTpw' }, 'r.example': { username: 'u', password: 'p' } },
    }),
  },
};
const accessFile = Buffer.from(
  formatAccess({
    registry: 'r.example',
    accounts: [{ name: 'ann', fullName: 'Ann', isActive: true, isAdmin: false }],
    organizations: [
      {
        name: 'a',
        members: [{ name: 'ann', isAdmin: true }],
        teams: [{ name: 'dev', namespaceAccess: 'admin', members: [{ name: 'ann', isAdmin: true }] }],
      },
    ],
    repositories: [
      {
        namespace: 'a',
        name: 'b',
        settings: { visibility: 'public', longDescription: '# b\n' },
        teams: [{ team: 'dev', access: 'admin' }],
      },
      { namespace: 'ann', name: 'c', settings: {}, teams: [], users: [{ account: 'ann', access: 'read-only' }] },
    ],
  }),
);
const lockFile = Buffer.from(
  formatLockFile(
    {
      apiVersion: 'airgap/v1',
      kind: 'LockFile',
      charts: [],
      images: [{ reference: 'quay.io/a/b:1', digest: DIGEST, confidence: 'certain', need: 'install', charts: [] }],
      choices: [],
    },
    'airgap.lock',
  ),
);
const splitIndex = {
  schemaVersion: 1,
  size: 10,
  partSize: 6,
  parts: [
    { name: 'b.tar.001', size: 6, sha256: '1'.repeat(64) },
    { name: 'b.tar.002', size: 4, sha256: '1'.repeat(64) },
  ],
};
const program = goProgram({
  build: ['path\texample.com/widget'],
  code: [['quay.io/widget/agent:v1.2.3', 'main', 'zzz']],
  functions: ['main.image'],
  data: [['quay.io/widget/cache', 'v1.2.3']],
});

/** Checks the grammar of parsed names, which become paths, URLs and tags. */
function checkReference(reference: Reference): void {
  const { registry: host, path, tag } = reference;
  if ((host !== 'charts' && !isName('registry', host)) || !isName('repository', path.toLowerCase())) {
    throw new Error(`not a valid name: ${JSON.stringify(reference)}`);
  }
  if (tag !== undefined && !isName('tag', tag)) throw new Error(`not a valid tag: ${JSON.stringify(tag)}`);
}

/** Seeds and mutations of them; with further arbitraries where the format needs them. */
function from(seeds: readonly Buffer[], ...more: fc.Arbitrary<Buffer>[]): Pick<Target, 'seeds' | 'bytes'> {
  return { seeds, bytes: fc.oneof(mutated(seeds), ...more) };
}

/** A JSON document, mutated as a document and as text. */
function fromJson(value: unknown): Pick<Target, 'seeds' | 'bytes'> {
  return from([Buffer.from(JSON.stringify(value))], mutatedJson(value));
}

function checkChart(chart: { readonly name: string; readonly version: string }): void {
  if (isName('chart name', chart.name) && isName('chart version', chart.version)) return;
  throw new Error(`not a valid chart: ${JSON.stringify([chart.name, chart.version])}`);
}

export const targets: readonly Target[] = [
  {
    name: 'bundle',
    ...from([bundleBytes], archives),
    runs: 200,
    read: async (bytes) => {
      const bundle = await openBundle(file(bytes));
      try {
        await verifyBundle(bundle, { emit: () => {} });
      } finally {
        await bundle.close();
      }
    },
  },
  {
    name: 'index',
    ...fromJson(index),
    runs: 2000,
    read: (bytes) => {
      const { images, charts, referrers } = parseIndexContents('b.tar', bytes);
      for (const { reference } of [...images, ...charts]) checkReference(reference);
      for (const { repository } of referrers) checkReference(repository);
      for (const chart of charts) checkChart(chart);
    },
  },
  { name: 'manifest', ...fromJson(manifest), runs: 2000, read: (bytes) => parseManifest(MediaType.ociManifest, bytes) },
  { name: 'index-manifest', ...fromJson(index), runs: 2000, read: (bytes) => parseManifest(MediaType.ociIndex, bytes) },
  {
    name: 'docker-save',
    ...fromJson([{ Config: `blobs/sha256/${'1'.repeat(64)}`, RepoTags: ['quay.io/a:1'], Layers: ['blobs/x'] }]),
    runs: 1000,
    read: readDockerSave,
  },
  {
    name: 'lock',
    ...from([Buffer.from(formatInventory(lock))], mutatedJson(lock)),
    runs: 1000,
    read: (bytes) => {
      const { images, charts, tools = [] } = parseInventory(bytes);
      for (const { reference } of images) checkReference(parseReference(reference));
      for (const { name } of tools) checkName('file name', name, 'a tool');
      for (const chart of charts) checkChart(chart);
    },
  },
  {
    name: 'access',
    ...from([accessFile]),
    runs: 60,
    read: async (bytes) => {
      const { accounts, organizations, repositories } = await readAccess(file(bytes, 'access.yaml'), 'FILE');
      const names = [...accounts, ...organizations].map(({ name }) => name);
      if (!names.every((name) => isName('account', name))) throw new Error('not a valid name');
      if (!repositories.every(({ name }) => isName('repository', name))) throw new Error('not a valid repository');
    },
  },
  {
    name: 'lock-file',
    ...from([lockFile]),
    runs: 60,
    read: (bytes) => readLockFile(file(bytes, 'airgap.lock'), '--lock'),
  },
  { name: 'exported-lock', ...fromJson(exported), runs: 500, read: (bytes) => readExportedInventory(file(bytes)) },
  {
    name: 'missing-list',
    ...fromJson(missing),
    runs: 500,
    read: async (bytes) => {
      const { images, charts } = await readMissingList(file(bytes));
      for (const { reference } of images) checkReference(parseReference(reference));
      for (const chart of charts) checkChart(chart);
    },
  },
  {
    name: 'mirror-plan',
    ...fromJson({
      apiVersion: 'airgap/v1',
      kind: 'MirrorPlan',
      repositories: [{ repository: 'quay.io/a/b', tags: ['v1', DIGEST, `v2@${DIGEST}`] }],
    }),
    runs: 500,
    read: async (bytes) => {
      for (const { repository, lookups } of await readMirrorPlan(file(bytes)))
        for (const lookup of lookups) checkReference(referenceOf(repository, lookup));
    },
  },
  {
    name: 'skopeo-sync',
    ...from([
      Buffer.from(
        `quay.io:\n  images: {a/b: [1.0, "${DIGEST}"], c:}\n  images-by-tag-regex: {d: ^v}\n  images-by-semver: {e: ">= 1"}\n`,
      ),
    ]),
    runs: 100,
    read: async (bytes) => {
      for (const { repository, lookups } of (await readSkopeoSync(file(bytes))).repositories)
        for (const lookup of lookups) checkReference(referenceOf(repository, lookup));
    },
  },
  {
    name: 'tag-versions',
    ...from([
      Buffer.from('v1.2.3 1.28-alpine3.20 2026-01-15 3.14.0rc1 1.2.3-debian-12-r5 v1.31.2-rc1-k3s1 1.0-g1a2b3c4'),
    ]),
    runs: 1000,
    read: (bytes) => {
      const tags = bytes.toString('utf8').split(' ');
      const { newest, unversioned } = newestTags(tags, tags.length);
      if (newest.length + unversioned.length !== tags.length) throw new Error('a tag is lost');
    },
  },
  { name: 'verdicts', ...fromJson(verdicts), runs: 500, read: (bytes) => readVerdicts(file(bytes)) },
  { name: 'receipt', ...fromJson(receipt), runs: 500, read: (bytes) => readReceipt(file(bytes)) },
  {
    name: 'journal',
    ...from([Buffer.from(`airgap-journal v1 ${DIGEST}\n${DIGEST} 12\n${DIGEST} 99\n`)]),
    runs: 300,
    read: async (bytes) => {
      for (const done of (await new Journal(file(bytes)).read())?.written.values() ?? []) {
        if (!Number.isSafeInteger(done) || done < 0) throw new Error(`not a number of bytes: ${done}`);
      }
    },
  },
  {
    name: 'detached-signatures',
    ...fromJson({ schemaVersion: 1, signatures: [{ payload: 'e30=', signature: 'AAAA' }] }),
    runs: 1000,
    read: (bytes) => {
      for (const signature of parseDetached('/d/b.tar.signatures.json', bytes.toString('utf8'))) claimOf(signature);
    },
  },
  {
    name: 'split-index',
    ...fromJson(splitIndex),
    runs: 2000,
    read: (bytes) => {
      const { paths } = parseSplitIndex('/d/b.tar.parts.json', bytes.toString('utf8')).fileParts;
      const elsewhere = paths.find((path) => !/^\/d\/b\.tar\.\d{3,}$/.test(path));
      if (elsewhere !== undefined) throw new Error(`a part in another folder: ${elsewhere}`);
    },
  },
  {
    name: 'chart-archive',
    ...from(
      [gzipSync(chart)],
      fc.oneof(mutated([chart]), archives).map((bytes) => gzipSync(bytes)),
    ),
    runs: 300,
    read: async (bytes) => {
      const { root, files } = await readArchive(file(bytes, 'app.tgz'), /^/);
      const parts = [root, ...files.keys()].flatMap((path) => path.split('/'));
      if (parts.some((part) => part === '..' || part.includes('\0'))) throw new Error('a file outside the chart');
      const text = files.get('Chart.yaml');
      if (text !== undefined) checkChart(parseMetadata(text.toString('utf8'), 'app.tgz'));
    },
  },
  {
    name: 'chart-metadata',
    ...from([Buffer.from('apiVersion: v2\nname: app\nversion: 1.2.3\nannotations: {a: b}\n')]),
    runs: 100,
    read: (bytes) => checkChart(parseMetadata(bytes.toString('utf8'), 'app.tgz')),
  },
  {
    name: 'documents',
    ...from([rendered, ...Object.values(HOSTILE_MANIFESTS).map((text) => Buffer.from(text))]),
    runs: 80,
    read: (bytes) => {
      const documents = splitDocuments(bytes.toString('utf8'));
      const places = discoverReferences(documents, { chart: 'app', profile: 'default' });
      checkContainerImages(documents);
      crossCheckImages(documents, places);
    },
  },
  {
    name: 'manifests',
    // Text after a line of `...` is refused: kubectl and this reader would read different documents.
    ...from([
      rendered,
      ...Object.values(HOSTILE_MANIFESTS)
        .filter((text) => !/^\.\.\.$/m.test(text))
        .map((text) => Buffer.from(text)),
    ]),
    runs: 60,
    read: (input) =>
      readManifests(
        { env: {}, cwd: '/', emit: ignoreEvents },
        { kind: 'manifests', path: '-', name: 'manifests -', input },
      ),
  },
  {
    name: 'kustomization',
    ...from([kustomization]),
    runs: 120,
    read: (bytes) => {
      const before = readKustomization('kustomization.yaml', bytes.toString('utf8'));
      const set = { newName: 'r.example/x', newTag: '1.10' };
      const changes = before.entries.map((entry) => ({ entry, set }));
      editImages(before, [...changes, { add: { name: 'added', ...set } }]);
    },
  },
  {
    name: 'config',
    ...from([config]),
    runs: 100,
    read: (bytes) => readConfig(file(bytes, 'airgap.yaml'), { NAME: 'x' }, new Map()),
  },
  {
    name: 'challenge',
    ...from([
      Buffer.from('Bearer realm="https://r.example/token",service="r",scope="repository:a:pull", Basic realm="x\\"y"'),
    ]),
    runs: 2000,
    read: (bytes) => parseChallenges(bytes.toString('latin1')),
  },
  {
    name: 'auth-file',
    ...fromJson({
      auths: { 'r.example': { auth: 'dTpw' }, 'https://x/v1/': { identitytoken: 'x' } },
      credHelpers: { a: 'b' },
      credsStore: 'c',
    }),
    runs: 500,
    read: (bytes) => readAuthFile({ file: file(bytes, 'config.json') }),
  },
  {
    name: 'pods',
    ...from([Buffer.from(podList(CLUSTER.slice(0, 2)))], mutatedJson(JSON.parse(podList(CLUSTER)))),
    runs: 300,
    read: (bytes) => {
      for (const { namespace, name, images } of parsePods(bytes.toString('utf8'), 'pods.json')) {
        for (const text of [namespace, name, ...images.map(({ container }) => container)]) {
          if (!isName('object name', text)) throw new Error(`not a valid name: ${JSON.stringify(text)}`);
        }
      }
    },
  },
  {
    name: 'image-streams',
    ...from([Buffer.from(stringify(EXPORT)), Buffer.from(JSON.stringify(EXPORT))], mutatedJson(EXPORT)),
    runs: 120,
    read: async (bytes) => {
      const options = { registryRoutes: [], includePublic: true, includePlatform: true };
      const sources = [manifestSource('image-streams', file(bytes, 'export.yaml'), folder)];
      const { tags } = await planImageStreams({ emit: ignoreEvents }, { ...options, sources });
      for (const { source, name } of tags) {
        if (source !== undefined) checkReference(parseReference(source));
        if (!isName('tag', name.slice(name.lastIndexOf(':') + 1))) throw new Error(`not a valid tag: ${name}`);
      }
    },
  },
  {
    name: 'pull-secret',
    ...from([Buffer.from(JSON.stringify(pullSecret))], mutatedJson(pullSecret), mutatedJson(pullSecret.stringData)),
    runs: 250,
    read: async (bytes) => {
      const { keychain } = parsePullSecret(bytes.toString('utf8'), 'secret.yaml');
      await keychain.lookup('r.example', 'a/b');
    },
  },
  {
    name: 'token',
    ...fromJson({ token: 'x'.repeat(20), expires_in: 300, issued_at: '2026-01-01T00:00:00Z' }),
    runs: 1000,
    read: (bytes) =>
      fetchToken(
        async () => ({ status: 200, text: bytes.toString('utf8') }),
        {
          registry: 'r.example',
          realm: new URL('https://r.example/token'),
          service: undefined,
          scopes: ['a'],
          credential: undefined,
          sources: () => [],
        },
        0,
      ),
  },
  {
    name: 'program',
    ...from([program]),
    runs: 300,
    read: (bytes) =>
      namesInProgram(
        Buffer.from(bytes),
        { file: 'manager', layer: DIGEST },
        { image: parseReference('quay.io/widget/operator:v1'), publishers: new Set(['widget']) },
      ),
  },
  {
    name: 'layer',
    ...from([chart], archives),
    runs: 500,
    read: (bytes) => {
      const stream = new TarStream(() => ({ write: () => {}, end: () => {} }));
      for (let from = 0; from < bytes.length; from += 700) stream.write(bytes.subarray(from, from + 700));
    },
  },
  {
    name: 'reference',
    ...from(['quay.io:443/a-b/c__d:v1', `a.b/c@${DIGEST}`, 'nginx', '[::1]:5000/a'].map((text) => Buffer.from(text))),
    runs: 3000,
    read: (bytes) => {
      const found = tryParseReference(bytes.toString('utf8'));
      if (found === undefined) return;
      checkReference(found);
      const again = formatReference(parseReference(formatReference(found)));
      if (again !== formatReference(found)) throw new Error(`not stable when parsed again: ${again}`);
    },
  },
  {
    name: 'program',
    ...from([elfProgram(62), elfProgram(183)]),
    runs: 3000,
    read: (bytes) => {
      const platform = programPlatform(bytes);
      if (platform !== undefined && !/^(?:linux|darwin)\/[a-z0-9]+$/.test(platform)) throw new Error(platform);
    },
  },
  {
    name: 'redact',
    ...from([Buffer.from('https://user:secret@r.example/?token=abc Authorization: Basic dTpw password=x')]),
    runs: 500,
    read: (bytes) => redact(bytes.toString('utf8')),
  },
  ...accessTargets,
  ...editTargets,
  ...sigstoreTargets,
  ...listTargets,
  ...registryTargets,
];
