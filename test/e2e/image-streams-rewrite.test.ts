import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { INTERNAL, imageStream, pushed } from '../support/image-streams.ts';
import { pushImage } from '../support/images.ts';
import { fakeKubectl } from '../support/kubectl.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Registries of both clusters: replaced in exported workloads, found and logged in to by kubeconfig. */

// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'openshift:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const TOKEN = 'geheim123';

const home = scratchFolder();
const OLD = 'docker-registry.default.svc:5000';
const WORKLOAD = `apiVersion: apps/v1 # as exported
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - image: "${OLD}/shop/web:1"
`;
const flags = ['export', '--destination-route', `${INTERNAL}=new.example`];

describe('registries in exported workloads', () => {
  beforeAll(() => {
    mkdirSync(join(home, 'export'));
    mkdirSync(join(home, 'work'));
    const stream = imageStream('shop/web', { '1': { images: [pushed('shop/web', `sha256:${'a'.repeat(64)}`)] } });
    writeFileSync(join(home, 'export/web.json'), JSON.stringify(stream));
    writeFileSync(join(home, 'work/web.yaml'), WORKLOAD);
  });

  test('are printed as crane takes them', async () => {
    const args = ['image-streams', ...flags, '--registry-replacement'];
    const { stdout } = await airgapOk(args, home, { cwd: home });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toContain(`${OLD}/shop=${INTERNAL}/shop`);
    expect((await airgapOk([...args, '-o', 'crane'], home, { cwd: home })).stdout).toBe(`${lines.join(',')}\n`);
    const { replacements } = JSON.parse((await airgapOk([...args, '-o', 'json'], home, { cwd: home })).stdout);
    expect(replacements.map(({ from, to }: Record<string, string>) => `${from}=${to}`)).toEqual(lines);
  });

  test('are replaced once; what is left ends with 3', async () => {
    const args = ['image-streams', ...flags, '--rewrite', 'work', '--rename-namespace', 'shop=store'];
    const shown = await airgapOk([...args, '--dry-run'], home, { cwd: home });
    expect(shown.stdout).toBe(
      `work/web.yaml:3 shop -> store\nwork/web.yaml:8 ${OLD}/shop/web:1 -> ${INTERNAL}/store/web:1\n`,
    );
    expect(readFileSync(join(home, 'work/web.yaml'), 'utf8')).toBe(WORKLOAD);
    await airgapOk(args, home, { cwd: home });
    const rewritten = WORKLOAD.replace('namespace: shop', 'namespace: store').replace(
      `${OLD}/shop`,
      `${INTERNAL}/store`,
    );
    expect(readFileSync(join(home, 'work/web.yaml'), 'utf8')).toBe(rewritten);
    writeFileSync(join(home, 'work/other.yaml'), `a: ${OLD}/shop\n`);
    const again = await airgap([...args, '-o', 'json'], home, { cwd: home });
    expect(again.code).toBe(3);
    expect(JSON.parse(again.stdout)).toMatchObject({ kind: 'RegistryRewrite', changes: [], notChanged: [{ line: 1 }] });
  });

  test.each([
    ['nothing about the destination', ['export', '--registry-replacement']],
    ['a destination without a use', flags],
    ['both uses', [...flags, '--registry-replacement', '--rewrite', 'work']],
    ['standard input', [...flags, '--rewrite', '-']],
    ['a dry run of nothing', ['export', '--dry-run']],
    [
      'a chain of namespaces',
      [...flags, '--rewrite', 'work', '--rename-namespace', 'a=b', '--rename-namespace', 'b=c'],
    ],
    ['a route that is none', ['export', '--registry-replacement', '--destination-route', 'a=https://b']],
  ])('end with 2 for %s', async (_, args) => {
    const { code, stdout, stderr } = await airgap(['image-streams', ...args], home, { cwd: home });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Error: .*\n+Hint: /);
  });
});

describe('clusters', () => {
  let route: TestRegistry;
  let target: TestRegistry;

  beforeAll(async () => {
    [route, target] = await Promise.all([startRegistry(), startRegistry({ htpasswd: HTPASSWD })]);
  });
  afterAll(() => Promise.all([route?.stop(), target?.stop()]));

  test('have routes that are found, and tokens that log in', async () => {
    const cwd = join(home, 'clusters');
    mkdirSync(join(cwd, 'export'), { recursive: true });
    const digest = await pushImage(route.host, 'shop/web', '1');
    writeFileSync(
      join(cwd, 'export/web.json'),
      JSON.stringify(imageStream('shop/web', { '1': { images: [pushed('shop/web', digest)] } })),
    );
    const config = (host: string) => ({
      stdout: JSON.stringify({
        ...{ apiVersion: 'config.openshift.io/v1', kind: 'Image', metadata: { name: 'cluster' } },
        status: { internalRegistryHostname: INTERNAL, externalRegistryHostnames: [host] },
      }),
    });
    const view = { stdout: JSON.stringify({ users: [{ user: { token: TOKEN } }] }) };
    const answers = {
      view,
      '--context=old cluster': config(route.host),
      '--context=new cluster': config(target.host),
    };
    const { env } = fakeKubectl({ stdout: '{}' }, answers);
    const args = [
      ...['mirror', '--image-streams', 'export', '--to', target.host, '-o', 'json'],
      ...['--source-context', 'old', '--destination-context', 'new'],
      ...[route, target].flatMap(({ host }) => ['--plain-http', host]),
    ];
    const run = await airgapOk(args, home, { cwd, env: env as Record<string, string> });
    expect(JSON.parse(run.stdout).images).toMatchObject([{ status: 'pushed' }]);
    expect(run.stdout + run.stderr).not.toContain(TOKEN);
    // A login of the user comes first.
    const variable = `AIRGAP_AUTH_${target.host.replace(/[^0-9]/g, '_')}`;
    const own = { ...env, [`${variable}_USERNAME`]: 'openshift', [`${variable}_PASSWORD`]: 'wrong' };
    expect(await airgap(args, home, { cwd, env: own as Record<string, string> })).toMatchObject({ code: 1 });
    const elsewhere = args.map((word) => (word === target.host ? 'other.example' : word));
    expect(await airgap(elsewhere, home, { cwd, env: env as Record<string, string> })).toMatchObject({ code: 2 });
  });
});
