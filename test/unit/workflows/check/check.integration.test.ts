import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type CheckedImage, type CheckResult, checkDocumentSchema } from '../../../../src/inventory/check-result.ts';
import { basicOf } from '../../../support/basic.ts';
import { selfSigned } from '../../../support/certificate.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { buildImage, pushBuilt, pushImage } from '../../../support/images.ts';
import { KUBECTL } from '../../../support/kubectl.ts';
import { freePort, startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const folder = scratchFolder();
const helm = HELMS.find(({ path }) => path !== undefined)?.path;
const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };

/** A failure document. */
interface Failure {
  readonly kind: string;
  readonly errors?: readonly { readonly code: string; readonly hint?: string }[];
}

/** Runs the command; the document is undefined if it printed none. */
async function check(...args: readonly string[]) {
  const plain = ['--plain-http', '127.0.0.1'];
  const ended = await airgap(
    ['check', ...args, ...(args.includes('--ca-file') ? [] : plain), '-o', 'json'],
    env,
    folder,
  );
  const document = JSON.parse(ended.out) as CheckResult & Failure;
  return { ...ended, document };
}

/** Returns the statuses by the last component of the repository. */
function statuses({ images }: Pick<CheckResult, 'images'>): Record<string, CheckedImage['status']> {
  return Object.fromEntries(
    images.map(({ reference, status }) => [reference.replace(/[:@][^/]*$/, '').replace(/.*\//, ''), status]),
  );
}

const workload = (kind: string, name: string, container: string, image: string, extra = ''): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}}
spec:
  template:
    spec:
      ${extra}
      containers: [{name: ${container}, image: ${image}}]
`;

let registry: TestRegistry;
let bundle: string;

beforeAll(async () => {
  registry = await startRegistry();
  await writeFiles(join(folder, 'web'), {
    'Chart.yaml': chartYaml('web'),
    'values.yaml': [
      'registry: quay.io/acme',
      'job: quay.io/acme/job:1',
      'jobs: {enabled: true}',
      'extra: {enabled: false, image: quay.io/acme/extra:1}',
      'imagePullSecrets: []',
    ].join('\n'),
    'templates/web.yaml': workload(
      'Deployment',
      'web',
      'app',
      '"{{ .Values.registry }}/app:1"',
      'imagePullSecrets: {{ toJson .Values.imagePullSecrets }}',
    ),
    'templates/job.yaml': `{{- if .Values.jobs.enabled }}${workload('Job', 'once', 'run', '{{ .Values.job }}')}{{- end }}`,
    'templates/extra.yaml': `{{- if .Values.extra.enabled }}${workload('Deployment', 'extra', 'extra', '{{ .Values.extra.image }}')}{{- end }}`,
  });
  await writeFiles(join(folder, 'fixed'), {
    'Chart.yaml': chartYaml('fixed'),
    'values.yaml': 'image: quay.io/acme/app:1\n',
    'templates/fixed.yaml': workload(
      'Deployment',
      'fixed',
      'own',
      '{{ .Values.image }}',
      'initContainers: [{name: wait, image: "docker.io/library/busybox:1.36"}]',
    ),
  });
  for (const name of ['app', 'job', 'extra']) await pushImage(registry.host, `up/quay.io/acme/${name}`, '1', {});
  bundle = join(folder, 'web.tar');
  const mirror = ['--mirror', `*=${registry.host}/up`, '--plain-http', '127.0.0.1', '--no-look-inside'];
  const bundled = await airgap(['bundle', './web', ...mirror, '--out', bundle], env, folder);
  expect(bundled.code, bundled.err).toBe(0);
  expect((await push('m')).code).toBe(0);
});

afterAll(() => registry.stop());

function push(prefix: string) {
  return airgap(['push', bundle, '--to', `${registry.host}/${prefix}`, '--plain-http', '127.0.0.1'], env, folder);
}

describe('charts whose images are at the target', () => {
  it('would be pulled, with or without the bundle', async () => {
    const { code, document } = await check('./web', '--to', `${registry.host}/m`);
    expect([code, statuses(document)]).toEqual([0, { app: 'ok', job: 'ok' }]);
    expect(checkDocumentSchema.safeParse(document).error).toBeUndefined();
    expect(document.images[0]).toMatchObject({
      reference: `${registry.host}/m/quay.io/acme/app:1`,
      source: 'quay.io/acme/app:1',
      platforms: ['linux/amd64'],
      platformsAtTarget: ['linux/amd64', 'linux/arm64'],
      workloads: [{ chart: 'web', kind: 'Deployment', name: 'web', container: 'app' }],
    });
    const bundled = await check('web', '--bundle', bundle, '--to', `${registry.host}/m`);
    expect([bundled.code, statuses(bundled.document)]).toEqual([0, { app: 'ok', job: 'ok' }]);
    const [image] = bundled.document.images;
    expect(image?.digest).toBe(image?.digestAtTarget);
    expect(bundled.document.charts).toEqual([
      {
        name: 'web',
        version: '1.0.0',
        profile: 'default',
        reference: `${registry.host}/m/charts/web:1.0.0`,
        status: 'ok',
      },
    ]);
  });

  it('are in the namespace of the release', async () => {
    const args = ['check', './web', '--to', `${registry.host}/m`, '--plain-http', '127.0.0.1', '-o', 'json'];
    const { out } = await airgap(args, { ...env, HELM_NAMESPACE: 'shop' }, folder);
    const { images } = JSON.parse(out) as CheckResult;
    expect(images.flatMap(({ workloads }) => workloads.map(({ namespace }) => namespace))).toEqual(['shop', 'shop']);
  });

  it('say what to type next', async () => {
    const { code, out, err } = await airgap(
      ['check', './web', '--to', `${registry.host}/m`, '--plain-http', '127.0.0.1'],
      env,
      folder,
    );
    expect([code, out.trim().split('\n').length]).toEqual([0, 1]);
    expect(out).toContain('2 of 2 images');
    expect(err).toContain(`next: helm airgap values ./web --to ${registry.host}/m`);
  });

  it('are checked with the overrides that are installed', async () => {
    await writeFile(join(folder, 'own.yaml'), `registry: ${registry.host}/m/quay.io/acme\n`);
    const { code, document } = await check('./web', '--to', `${registry.host}/m`, '--overrides', 'own.yaml');
    expect([code, statuses(document)]).toEqual([3, { app: 'ok', job: 'public-name' }]);
    await writeFile(join(folder, 'wrong.yaml'), 'registry: 127.0.0.1/m/quay.io/acme\n');
    const wrong = await check('./web', '--to', `${registry.host}/m`, '--overrides', 'wrong.yaml');
    expect([wrong.code, statuses(wrong.document)]).toEqual([3, { app: 'wrong-name', job: 'public-name' }]);
    const derived = await airgap(
      ['values', './web', '--to', `${registry.host}/m`, '--out', 'derived.yaml'],
      env,
      folder,
    );
    expect(derived.code, derived.err).toBe(0);
    const written = await check('./web', '--to', `${registry.host}/m`, '--overrides', 'derived.yaml');
    expect([written.code, statuses(written.document)]).toEqual([0, { app: 'ok', job: 'ok' }]);
  });

  it('have another digest than in the bundle without failing', async () => {
    expect((await push('changed')).code).toBe(0);
    const image = buildImage({ name: 'another' });
    await pushBuilt(registry.host, 'changed/quay.io/acme/app', '1', image);
    const { code, document } = await check('web', '--bundle', bundle, '--to', `${registry.host}/changed`);
    expect([code, statuses(document)]).toEqual([0, { app: 'ok', job: 'ok' }]);
    const [app] = document.images;
    expect(app?.digestAtTarget).toBe(image.digest);
    expect(app?.digest).not.toBe(image.digest);
  });
});

describe('an image that a node would not get', () => {
  it('was not pushed', async () => {
    const { code, document } = await check('web', '--bundle', bundle, '--to', `${registry.host}/nothing`);
    expect([code, statuses(document)]).toEqual([3, { app: 'not-pushed', job: 'not-pushed' }]);
    expect(document.charts).toMatchObject([{ status: 'not-pushed' }]);
  });

  it('has lost a layer', async () => {
    expect((await push('lossy')).code).toBe(0);
    await rm(join(registry.repositories, 'lossy/quay.io/acme/job/_layers'), { recursive: true });
    const { code, document } = await check('./web', '--to', `${registry.host}/lossy`);
    expect([code, statuses(document)]).toEqual([3, { app: 'ok', job: 'incomplete' }]);
    expect(document.images[1]?.detail).toMatch(/^2 of 2 blobs .*sha256:/);
  });

  it('is for another platform', async () => {
    await pushImage(registry.host, 'arm/quay.io/acme/app', '1', { platforms: ['linux/arm64'] });
    await pushImage(registry.host, 'arm/quay.io/acme/job', '1', { platforms: ['linux/arm64', 'linux/s390x'] });
    const target = `${registry.host}/arm`;
    const { code, document } = await check('./web', '--to', target);
    expect([code, statuses(document)]).toEqual([3, { app: 'wrong-platform', job: 'wrong-platform' }]);
    expect(document.images.map(({ platformsAtTarget }) => platformsAtTarget)).toEqual([
      ['linux/arm64'],
      ['linux/arm64', 'linux/s390x'],
    ]);
    expect((await check('./web', '--to', target, '--platform', 'linux/arm64')).code).toBe(0);
  });

  it('has a public name that no value changes, and the next command redirects it', async () => {
    const { code, document } = await check('./fixed', '--to', `${registry.host}/m`);
    expect([code, statuses(document)]).toEqual([3, { app: 'ok', busybox: 'public-name' }]);
    expect(document.images[1]).toMatchObject({
      reference: 'docker.io/library/busybox:1.36',
      detail: expect.any(String),
    });
    for (const how of ['post-render', 'repack']) {
      const changed = await check('./fixed', '--to', `${registry.host}/m`, `--unmapped=${how}`);
      expect(statuses(changed.document)).toEqual({ app: 'ok', busybox: 'not-pushed' });
    }
  });

  it('is switched on by a value of the site, which the bundle was made without', async () => {
    await writeFile(join(folder, 'site.yaml'), 'extra: {enabled: true}\n');
    const args = ['web', '--bundle', bundle, '-f', 'site.yaml'];
    for (const target of [[], ['--to', `${registry.host}/m`]]) {
      const { code, document } = await check(...args, ...target);
      expect([code, statuses(document)]).toEqual([3, { app: 'ok', extra: 'not-in-bundle', job: 'ok' }]);
      const extra = document.images.find(({ status }) => status !== 'ok');
      expect(extra).toMatchObject({ source: 'quay.io/acme/extra:1', detail: expect.stringContaining('extra.enabled') });
      expect(extra?.hint).toContain('-f site.yaml');
    }
    const set = await check('web', '--bundle', bundle, '--set', 'extra.enabled=true');
    expect(set.document.images[1]?.detail).toContain('extra.enabled');
  });
});

it('an image of a component that only the bundle was made without is switched on by its flag', async () => {
  const small = join(folder, 'small.tar');
  const mirror = ['--mirror', `*=${registry.host}/up`, '--plain-http', '127.0.0.1', '--no-look-inside'];
  const made = await airgap(['bundle', './web', '--set', 'jobs.enabled=false', ...mirror, '--out', small], env, folder);
  expect(made.code, made.err).toBe(0);
  const { code, document } = await check('web', '--bundle', small);
  expect([code, statuses(document)]).toEqual([3, { app: 'ok', job: 'not-in-bundle' }]);
  expect(document.images[1]).toMatchObject({
    detail: expect.stringContaining('jobs.enabled'),
    message: expect.stringContaining('--set jobs.enabled'),
  });
});

describe('a configuration file', () => {
  it('has charts with profiles, and the platforms of the nodes', async () => {
    await writeFile(join(folder, 'full.yaml'), 'extra: {enabled: true}\n');
    const config = [
      'apiVersion: airgap/v1',
      'kind: Config',
      'platforms: [linux/arm64]',
      'charts:',
      '  - chart: ./web',
      '    profiles: [{name: small}, {name: full, values: [full.yaml]}]',
    ];
    await writeFile(join(folder, 'airgap.yaml'), config.join('\n'));
    const args = ['--config', join(folder, 'airgap.yaml'), '--bundle', bundle, '--to', `${registry.host}/m`];
    const { code, document } = await check(...args);
    expect([code, statuses(document)]).toEqual([3, { app: 'ok', extra: 'not-in-bundle', job: 'ok' }]);
    expect(document.platforms).toEqual(['linux/arm64']);
    expect(document.charts.map(({ profile, status }) => [profile, status])).toEqual([
      ['small', 'ok'],
      ['full', 'ok'],
    ]);
    const [app, extra] = document.images;
    expect(app?.workloads.map(({ profile }) => profile)).toEqual(['small', 'full']);
    expect(extra?.hint).toContain('full: -f full.yaml');
  });
});

describe('images that stay public on purpose', () => {
  const target = () => ['--to', `${registry.host}/m`] as const;
  const statesOf = ({ images }: CheckResult) =>
    images.map(({ reference, status, state, allowed }) => [reference.replace(/.*\//, ''), status, state, allowed]);

  it('are not asked for: excluded, or in a list', async () => {
    const excluded = await check('./fixed', ...target(), '--exclude', 'busybox=on every node');
    expect([excluded.code, statesOf(excluded.document)]).toEqual([
      0,
      [
        ['app:1', 'ok', undefined, undefined],
        ['busybox:1.36', 'ok', 'public-on-purpose', 'on every node'],
      ],
    ]);
    expect(checkDocumentSchema.safeParse(excluded.document).error).toBeUndefined();
    const list = join(folder, 'public.yaml');
    await writeFile(
      list,
      '[{image: "docker.io/*", reason: here}, {image: "quay.io/acme/app:1", namespace: x, reason: y}]',
    );
    const listed = await check('./fixed', ...target(), '--allow-images', list);
    expect([listed.code, listed.document.unusedAllowed]).toEqual([0, [expect.objectContaining({ namespace: 'x' })]]);
    expect(statesOf(listed.document)).toContainEqual(['busybox:1.36', 'ok', 'public-on-purpose', 'here']);
  });

  it('are not set by derived overrides, and are asked for if those in a file set them', async () => {
    const exclude = ['--exclude', 'quay.io/acme/job'] as const;
    const derived = await check('./web', ...target(), ...exclude);
    expect([derived.code, derived.document.images.map(({ reference }) => reference)]).toEqual([
      0,
      [`${registry.host}/m/quay.io/acme/app:1`, 'quay.io/acme/job:1'],
    ]);
    const file = join(folder, 'older.yaml');
    await writeFile(file, `registry: ${registry.host}/m/quay.io/acme\njob: ${registry.host}/m/quay.io/acme/gone:1\n`);
    const older = await check('./web', ...target(), ...exclude, '--overrides', file);
    expect([older.code, statuses(older.document)]).toEqual([3, { app: 'ok', gone: 'not-pushed' }]);
  });

  it('are not pulled by Jobs, nor missed there', async () => {
    const args = ['check', './fixed', ...target(), '--test-pod', '--exclude', 'busybox', '--plain-http', '127.0.0.1'];
    const { code, err } = await airgap(args, env, folder);
    expect([code, err]).toEqual([0, expect.not.stringContaining('busybox')]);
  });

  it('may also be those of an exclusion that is no image, whose tag is open', async () => {
    await writeFiles(join(folder, 'open'), {
      'Chart.yaml': chartYaml('open'),
      'templates/a.yaml': workload('Deployment', 'a', 'c', 'quay.io/acme/open'),
    });
    const list = join(folder, 'open.yaml');
    await writeFile(list, '[{image: "quay.io/acme/open:*", reason: here}]');
    const codes = [];
    for (const flags of [
      ['--exclude', '*/open'],
      ['--allow-images', list],
    ])
      codes.push((await check('./open', ...target(), ...flags)).document.images[0]?.status);
    expect(codes).toEqual(['ok', 'unpinned']);
  });

  it.skipIf(KUBECTL === undefined)('are kept by an entry of a kustomization, for values and check alike', async () => {
    await writeFiles(join(folder, 'kept'), {
      'kustomization.yaml': 'resources: [pod.yaml]\nimages: [{name: busybox, newName: busybox, newTag: "1.36"}]\n',
      'pod.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: busybox}, {name: d, image: docker.io/library/alpine:3}]\n',
    });
    const programs = join(folder, 'programs');
    await mkdir(programs);
    await symlink(KUBECTL as string, join(programs, 'kubectl'));
    const inPath = { ...env, PATH: `${programs}:${env.PATH}` };
    const kept = [...target(), '--exclude', 'alpine=later', '-o', 'json'];
    const run = (...args: string[]) => airgap(args, inPath, folder);
    const checked = await run('check', '--kustomize', 'kept', ...kept, '--plain-http', '127.0.0.1');
    expect(checked.code, checked.err).toBe(0);
    expect(statesOf(JSON.parse(checked.out))).toEqual([
      ['alpine:3', 'ok', 'public-on-purpose', 'later'],
      ['busybox:1.36', 'ok', 'public-on-purpose', expect.stringContaining('kept')],
    ]);
    const updated = await run('values', '--format', 'kustomize', '--update', 'kept', ...kept);
    expect([updated.code, JSON.parse(updated.out)]).toMatchObject([
      0,
      { files: [{ changed: false, kept: ['busybox'] }], allowed: [{ reference: 'docker.io/library/alpine:3' }] },
    ]);
  });
});

describe('an image that the bundle says is missing', () => {
  it('is not missing if the target has it all the same', async () => {
    await writeFiles(join(folder, 'operator'), {
      'Chart.yaml': chartYaml('operator'),
      'values.yaml': 'app: quay.io/acme/app:1\nengine: quay.io/acme/engine:1\n',
      'templates/a.yaml': workload(
        'Deployment',
        'a',
        'c, env: [{name: RELATED_IMAGE_ENGINE, value: "{{ .Values.engine }}"}]',
        '{{ .Values.app }}',
      ),
    });
    const file = join(folder, 'operator.tar');
    const mirror = ['--mirror', `*=${registry.host}/up`, '--plain-http', '127.0.0.1', '--no-look-inside'];
    await airgap(['bundle', './operator', ...mirror, '--out', file], env, folder);
    const ask = () => check('operator', '--bundle', file, '--to', `${registry.host}/o`);
    expect(
      (await airgap(['push', file, '--to', `${registry.host}/o`, '--plain-http', '127.0.0.1'], env, folder)).code,
    ).toBe(0);
    const missing = await ask();
    expect([missing.code, statuses(missing.document)]).toEqual([3, { app: 'ok', engine: 'missing' }]);
    expect(missing.document.images).toContainEqual(
      expect.objectContaining({ state: 'missing', detail: expect.any(String), hint: expect.any(String) }),
    );
    await pushImage(registry.host, 'o/quay.io/acme/engine', '1', {});
    const there = await ask();
    expect([there.code, statuses(there.document)]).toEqual([0, { app: 'ok', engine: 'ok' }]);
  });
});

describe('a bundle without a target', () => {
  it('has the images, for its platforms', async () => {
    const { code, document } = await check('--all', '--bundle', bundle);
    expect([code, statuses(document)]).toEqual([0, { app: 'ok', job: 'ok' }]);
    expect(document.target).toBeUndefined();
    const other = await check('web', '--bundle', bundle, '--platform', 'linux/s390x,linux/amd64');
    expect([other.code, statuses(other.document)]).toEqual([3, { app: 'wrong-platform', job: 'wrong-platform' }]);
  });
});

describe('a registry that needs a login', () => {
  let locked: TestRegistry;
  // user:geheim123
  const htpasswd = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
  const authorization = basicOf('user:geheim123');

  beforeAll(async () => {
    locked = await startRegistry({ htpasswd });
    for (const name of ['app', 'job']) await pushImage(locked.host, `m/quay.io/acme/${name}`, '1', { authorization });
    const auth = Buffer.from('user:geheim123').toString('base64');
    const login = JSON.stringify({ auths: { [locked.host]: { auth } } });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pull', namespace: 'web' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(login).toString('base64') },
    };
    await writeFile(join(folder, 'secret.json'), JSON.stringify(secret));
    await writeFile(join(folder, 'config.json'), login);
  });

  afterAll(() => locked.stop());

  it('refuses all images for one cause', async () => {
    const { code, document } = await check('./web', '--to', `${locked.host}/m`);
    expect([code, statuses(document)]).toEqual([3, { app: 'no-permission', job: 'no-permission' }]);
    expect(new Set(document.images.map(({ message, hint }) => `${message} ${hint}`)).size).toBe(1);
  });

  it('gives them to Pods that name the pull secret, and refuses the others', async () => {
    const { code, document } = await check('./web', '--to', `${locked.host}/m`, '--pull-secret', 'secret.json');
    expect([code, statuses(document)]).toEqual([3, { app: 'ok', job: 'no-permission' }]);
    expect(document.images.map(({ anonymous = false }) => anonymous)).toEqual([false, true]);
    const args = ['./web', '--to', `${locked.host}/m`, '--pull-secret', 'secret.json', '--unmapped=post-render'];
    expect((await check(...args)).code).toBe(0);
  });

  it('warns of Pods in other namespaces, which have Secrets of their own', async () => {
    const secret = JSON.parse(await readFile(join(folder, 'secret.json'), 'utf8'));
    const metadata = { ...secret.metadata, namespace: 'shop' };
    await writeFile(join(folder, 'shop.json'), JSON.stringify({ ...secret, metadata }));
    const target = ['--to', `${locked.host}/m`, '--plain-http', '127.0.0.1', '--pull-secret', 'shop.json'];
    // Helm tells plugins the namespace by this variable.
    const run = (HELM_NAMESPACE: string) => airgap(['check', './web', ...target], { ...env, HELM_NAMESPACE }, folder);
    expect((await run('shop')).err).not.toContain('namespaces');
    expect((await run('other')).err).toMatch(/warning: .*namespaces.*: other;/i);
  });

  it('gives them to all Pods if the secret has no name', async () => {
    expect((await check('./web', '--to', `${locked.host}/m`, '--pull-secret', 'config.json')).code).toBe(0);
  });
});

test('images with imagePullPolicy Never are named, since no node pulls them', async () => {
  await writeFiles(join(folder, 'never'), {
    'Chart.yaml': chartYaml('never'),
    'values.yaml': 'image: quay.io/acme/app:1\n',
    'templates/a.yaml': workload('Deployment', 'a', 'own, imagePullPolicy: Never', '{{ .Values.image }}'),
  });
  const { code, err } = await check('./never', '--to', `${registry.host}/m`);
  expect([code, err]).toEqual([0, expect.stringMatching(/warning: .*imagePullPolicy Never.*acme\/app:1/i)]);
  expect((await check('./fixed', '--to', `${registry.host}/m`)).err).not.toContain('Never');
});

describe('a registry that cannot be asked', () => {
  it('is down: all images fail at once, for one cause', async () => {
    const startedAt = Date.now();
    const target = `127.0.0.1:${await freePort()}/m`;
    const { code, document } = await check('web', '--bundle', bundle, '--to', target);
    expect([code, statuses(document)]).toEqual([3, { app: 'unreachable', job: 'unreachable' }]);
    expect(document.charts).toMatchObject([{ status: 'unreachable' }]);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
  });

  it('has a certificate of an authority that is not trusted', async () => {
    const secure = await startRegistry({ tls: selfSigned() });
    try {
      const other = join(folder, 'other.pem');
      await writeFile(other, selfSigned().cert);
      const { code, document } = await check('./web', '--to', `${secure.host}/m`, '--ca-file', other);
      expect([code, statuses(document)]).toEqual([3, { app: 'unknown-authority', job: 'unknown-authority' }]);
      expect(document.images[0]?.hint).toContain('--ca-file');
    } finally {
      await secure.stop();
    }
  });
});

describe('bad input', () => {
  it('is refused with what to do', async () => {
    const target = ['--to', `${registry.host}/m`];
    for (const [args, code, exitCode] of [
      [['./web'], 'usage', 2],
      [target, 'usage', 2],
      [['--all', ...target], 'usage', 2],
      [['./web', ...target, '--overrides', 'absent.yaml'], 'file', 1],
      [['./web', './fixed', ...target, '--overrides', 'own.yaml'], 'usage', 2],
      [['web', '--bundle', bundle, '--pull-secret', 'secret.json'], 'usage', 2],
      [['./web', ...target, '--platform', 'amd64'], 'usage', 2],
      [['other', '--bundle', bundle], 'chart-not-found', 1],
    ] as const) {
      const { document, ...ended } = await check(...args);
      expect([document.kind, ended.code], args.join(' ')).toEqual(['Failure', exitCode]);
      expect(document.errors, args.join(' ')).toEqual([expect.objectContaining({ code, hint: expect.any(String) })]);
    }
  });

  it('of several charts is reported together', async () => {
    await writeFiles(join(folder, 'bad'), {
      'Chart.yaml': chartYaml('bad'),
      'templates/a.yaml': '{{ fail "no" }}',
    });
    const { code, document } = await check('./bad', './absent', './web', '--to', `${registry.host}/m`);
    expect([code, document.kind]).toEqual([1, 'Failure']);
    expect(document.errors?.length).toBe(2);
    expect(JSON.stringify(document)).toMatch(/absent/);
    expect(JSON.stringify(document)).toMatch(/chart bad/);
  });
});
