import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DoctorCheck, type DoctorFinding, doctorDocumentSchema } from '../../src/inventory/doctor-result.ts';
import { authority } from '../support/certificate.ts';
import { airgap, printed, type RunOptions } from '../support/cli.ts';
import { startEcr, type TestEcr } from '../support/ecr.ts';
import { pushImage } from '../support/images.ts';
import { startProxyTo } from '../support/proxy.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startScript } from '../support/scripted-server.ts';

/** `doctor` against real registries, the stand-in of ECR, and faults. */

const home = scratchFolder();
// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const AWS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'geheim-of-aws' };
let open: TestRegistry;
let guarded: TestRegistry;
let ecr: TestEcr;

beforeAll(async () => {
  [open, guarded, ecr] = await Promise.all([
    startRegistry(),
    startRegistry({ htpasswd: HTPASSWD, refusesDeletes: true }),
    startEcr({ repositories: ['mirror/app'] }),
  ]);
  await pushImage(open.host, 'mirror/app', '1');
});
afterAll(() => Promise.all([open?.stop(), guarded?.stop(), ecr?.stop()]));

interface Doctored {
  readonly code: number;
  /** Status of each check; of several, the worst. */
  readonly status: Partial<Record<DoctorCheck, DoctorFinding['status']>>;
  of(check: DoctorCheck): DoctorFinding | undefined;
}

/** Runs it, and checks its document against the schema. */
async function doctor(args: readonly string[], options: RunOptions = {}): Promise<Doctored> {
  const run = await airgap(['doctor', ...args, '-o', 'json'], home, options);
  expect(printed(run)).not.toMatch(/geheim/);
  const { checks, counts } = doctorDocumentSchema.parse(JSON.parse(run.stdout));
  expect(run.code).toBe(counts.bad > 0 ? 3 : 0);
  const rank = { bad: 2, 'not-known': 1, good: 0 };
  const sorted = [...checks].sort((a, b) => rank[a.status] - rank[b.status]);
  const status = Object.fromEntries(sorted.map((one) => [one.check, one.status]));
  return { code: run.code, status, of: (check) => sorted.findLast((one) => one.check === check) };
}

const plain = (host: string): string[] => ['--plain-http', host];

test('without a target, this host is checked', async () => {
  const { code, status } = await doctor([]);
  expect(code).toBe(0);
  expect(status).toMatchObject({ helm: expect.stringMatching(/good|not-known/), 'temporary-folder': 'good' });
  expect(status.login).toBeUndefined();
});

describe('a registry', () => {
  test('that needs no login', async () => {
    const { code, status } = await doctor([`${open.host}/mirror`, ...plain(open.host)]);
    expect(code).toBe(0);
    const good = { endpoint: 'good', clock: 'good', login: 'good', pull: 'good', push: 'good', delete: 'good' };
    expect(status).toMatchObject({ ...good, referrers: 'good', mount: 'not-known' });
  });

  test('takes a login from the file of Docker, whose path is told', async () => {
    const folder = join(home, 'docker');
    mkdirSync(folder, { recursive: true });
    const login = (password: string): void =>
      writeFileSync(
        join(folder, 'config.json'),
        JSON.stringify({ auths: { [guarded.host]: { auth: Buffer.from(`user:${password}`).toString('base64') } } }),
      );
    const env = { DOCKER_CONFIG: folder };
    login('geheim123');
    const right = await doctor([guarded.host, ...plain(guarded.host)], { env });
    expect(right.status).toMatchObject({ login: 'good', push: 'not-known' });
    expect(right.of('login')?.message).toContain(join(folder, 'config.json'));
    login('geheim124');
    const wrong = await doctor([guarded.host, ...plain(guarded.host)], { env });
    expect(wrong.status).toMatchObject({ login: 'bad', push: 'not-known' });
    expect(wrong.of('login')?.message).toContain(join(folder, 'config.json'));
  });

  test('needs a login that is not there, or whose helper is missing', async () => {
    expect((await doctor([guarded.host, ...plain(guarded.host)])).status).toMatchObject({ login: 'bad' });
    const folder = join(home, 'helper');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [guarded.host]: 'not-there' } }));
    const found = await doctor([guarded.host, ...plain(guarded.host)], { env: { DOCKER_CONFIG: folder } });
    expect(found.of('login')).toMatchObject({
      status: 'bad',
      message: expect.stringMatching(/docker-credential-not-there/),
    });
  });

  test('is asked by TLS, but has none', async () => {
    const found = await doctor([open.host]);
    expect(found.of('endpoint')).toMatchObject({ status: 'bad', hint: expect.stringMatching(/--plain-http/) });
  });

  test('has a certificate that expired', async () => {
    const own = authority();
    const registry = await startRegistry({ tls: own.issue('registry', -1) });
    const caFile = join(home, 'ca.pem');
    writeFileSync(caFile, own.ca);
    const found = await doctor([registry.host, '--ca-file', caFile]);
    expect(found.of('endpoint')).toMatchObject({ status: 'bad', message: expect.stringMatching(/expired/) });
    await registry.stop();
  });

  test('takes no pushes from this login, and has another clock', async () => {
    const date = new Date(Date.now() - 400_000).toUTCString();
    const denied = { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: 'read-only login' }] }) };
    const list = { body: JSON.stringify({ name: 'mirror', tags: [] }) };
    const server = await startScript([
      // The second one is for the login.
      { expect: 'GET /v2/', answer: { headers: { date } } },
      { expect: 'GET /v2/', answer: { headers: { date } } },
      { expect: 'GET /v2/mirror/tags/list?n=1', answer: list },
      { expect: /^GET \/v2\/_catalog/, answer: denied },
      { expect: /^PUT \/v2\/mirror\/manifests\/sha256:/, answer: denied },
      { expect: /^GET \/v2\/mirror\/referrers\/sha256:/, answer: { status: 404 } },
      { expect: /^DELETE \/v2\/mirror\/manifests\/sha256:/, answer: denied },
    ]);
    const { status, of } = await doctor([`${server.host}/mirror`, ...plain(server.host)]);
    expect(status).toMatchObject({ pull: 'good', push: 'bad', clock: 'bad', catalog: 'good', delete: 'good' });
    expect(of('push')?.hint).toBeDefined();
    await server.stop();
  });

  test('is behind a proxy that is dead', async () => {
    const env = { HTTPS_PROXY: `http://user:geheim-proxy@127.0.0.1:${await freePort()}` };
    const { status } = await doctor(['registry.example/mirror'], { env });
    expect(status).toMatchObject({ proxy: 'bad', endpoint: 'not-known', login: 'not-known', push: 'not-known' });
  });
});

describe('ECR', () => {
  const declared = (): string[] => [
    ...[`${ecr.host}/mirror`, '--registry-type', 'ecr', '--region', 'us-east-1', ...plain(ecr.host)],
    ...['--endpoint-url', ecr.endpoint],
  ];

  test('with all rights', async () => {
    const env = { ...AWS, AWS_ENDPOINT_URL_STS: ecr.endpoint };
    const { code, status, of } = await doctor(declared(), { env });
    expect(code).toBe(0);
    const good = { login: 'good', pull: 'good', push: 'good', 'create-repository': 'good', delete: 'good' } as const;
    expect(status).toMatchObject({ ...good, 'aws-credentials': 'good', 'aws-account': 'good', mount: 'good' });
    expect(of('aws-credentials')?.message).toContain('AWS_ACCESS_KEY_ID');
    expect([...ecr.repositories.keys()]).toEqual(['mirror/app']);
  });

  test('with rights to read only', async () => {
    for (const action of ['PutImage', 'UploadLayerPart', 'CreateRepository'])
      ecr.fault({ match: action, code: 'AccessDeniedException', message: `not authorized to perform: ecr:${action}` });
    const { status, of } = await doctor(declared(), { env: { ...AWS, AWS_ENDPOINT_URL_STS: ecr.endpoint } });
    expect(status).toMatchObject({ pull: 'good', push: 'bad', 'create-repository': 'bad' });
    expect(of('push')?.message).toMatch(/ecr:UploadLayerPart, ecr:PutImage/);
  });

  test('without credentials, or without STS', async () => {
    const none = { AWS_CONFIG_FILE: '/nonexistent', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent' };
    expect((await doctor(declared(), { env: none })).status).toMatchObject({ 'aws-credentials': 'bad', login: 'bad' });
    const env = { ...AWS, AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${await freePort()}` };
    const { status } = await doctor(declared(), { env });
    expect(status).toMatchObject({ 'aws-credentials': 'good', 'aws-account': 'not-known', push: 'good' });
  });

  test('of another account, behind a proxy', async () => {
    const proxy = await startProxyTo(ecr.host);
    const host = '999999999999.dkr.ecr.us-east-1.amazonaws.com';
    const env = { ...AWS, HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1', AWS_ENDPOINT_URL: ecr.endpoint };
    const { status, of } = await doctor([`${host}/mirror`, ...plain(host)], { env });
    expect(status).toMatchObject({ 'aws-account': 'not-known', login: 'good', push: 'good' });
    expect(of('aws-account')?.message).toContain('999999999999');
    // The bucket for layers does not exist here, and a push does not need it.
    expect(of('endpoint')).toMatchObject({ status: 'not-known', name: expect.stringMatching(/S3/) });
    proxy.stop();
  });
});
