import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issued } from '../support/certificate.ts';
import { airgap, airgapOk, type Run } from '../support/cli.ts';
import { missingPrograms } from '../support/daemon.ts';
import { buildImage, pushBuilt } from '../support/images.ts';
import { startNginx } from '../support/nginx.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** nginx in front of a registry, the usual set-up of self-hosted registries. */

const home = scratchFolder();
const bundle = join(home, 'bundle.tar');
const missing = missingPrograms('nginx');
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  const { host } = registry;
  await pushBuilt(host, 'team/app', '1', buildImage({ name: 'app', size: 700_000 }));
  await airgapOk(['bundle', '--image', `${host}/team/app:1`, '--plain-http', host, '--out', bundle], home);
});
afterAll(() => registry.stop());

const push = (host: string, flags: readonly string[], from = home): Promise<Run> =>
  airgap(['push', bundle, '--to', `${host}/${Date.now()}`, ...flags], from);

test('a limit on request bodies is named, with the directive to change', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const nginx = await startNginx(registry.host, 'client_max_body_size 500k; location / { ONWARD }');
  try {
    const { code, stderr } = await push(nginx.host, ['--plain-http', nginx.host]);
    expect(code).toBe(1);
    expect(stderr).toContain('413');
    expect(stderr).toContain('client_max_body_size');
  } finally {
    await nginx.stop();
  }
});

test('nginx basic auth: a push without a login fails, one with a login succeeds', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const protectedBy = 'client_max_body_size 0; auth_basic "a registry"; auth_basic_user_file FOLDER/users;';
  const nginx = await startNginx(registry.host, `${protectedBy} location / { ONWARD }`, {
    users: 'user:{PLAIN}geheim123\n',
  });
  try {
    const flags = ['--plain-http', nginx.host];
    const { code, stderr } = await push(nginx.host, flags);
    expect(code).toBe(1);
    expect(stderr).toContain('401');
    const own = scratchFolder();
    mkdirSync(join(own, '.docker'));
    const auths = { [nginx.host]: { auth: Buffer.from('user:geheim123').toString('base64') } };
    writeFileSync(join(own, '.docker/config.json'), JSON.stringify({ auths }), { mode: 0o600 });
    expect(await push(nginx.host, flags, own)).toMatchObject({ code: 0 });
  } finally {
    await nginx.stop();
  }
});

test('a redirect from http to https: a push over https succeeds, and over http names https', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const { ca, cert, key } = issued();
  const tls = 'ssl_certificate FOLDER/cert.pem; ssl_certificate_key FOLDER/key.pem; client_max_body_size 0;';
  const led = `location / { ONWARD } listen OTHER ssl; ${tls} if ($scheme = http) { return 301 https://OTHER$request_uri; }`;
  const nginx = await startNginx(registry.host, led, { 'cert.pem': cert, 'key.pem': key });
  const caFile = join(home, 'ca.pem');
  writeFileSync(caFile, ca);
  try {
    expect(await push(nginx.other, ['--ca-file', caFile])).toMatchObject({ code: 0 });
    const { code, stderr } = await push(nginx.host, ['--plain-http', nginx.host, '--ca-file', caFile]);
    expect(code).toBe(1);
    expect(stderr).toContain('https');
  } finally {
    await nginx.stop();
  }
});

test('a client certificate is presented, and its absence is an error that names it', async (context) => {
  if (missing !== undefined) return context.skip(missing);
  const { ca, cert, key } = issued();
  const files = { 'cert.pem': cert, 'key.pem': key, 'ca.pem': ca };
  const verified = 'ssl_client_certificate FOLDER/ca.pem; ssl_verify_client on; client_max_body_size 0;';
  const tls = `listen OTHER ssl; ssl_certificate FOLDER/cert.pem; ssl_certificate_key FOLDER/key.pem; ${verified}`;
  const nginx = await startNginx(registry.host, `location / { ONWARD } ${tls}`, files);
  const at = (name: string): string => join(home, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  try {
    const without = await push(nginx.other, ['--ca-file', at('ca.pem')]);
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/client.cert|SSL certificate/i);
    const given = [
      '--client-cert',
      `${nginx.other}=${at('cert.pem')}`,
      '--client-key',
      `${nginx.other}=${at('key.pem')}`,
    ];
    expect(await push(nginx.other, ['--ca-file', at('ca.pem'), ...given])).toMatchObject({ code: 0 });
    // Where docker and podman look for it.
    const own = scratchFolder();
    const folder = join(own, '.config/containers/certs.d', nginx.other);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of [
      ['ca.crt', ca],
      ['client.cert', cert],
      ['client.key', key],
    ] as const) {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    }
    expect(await push(nginx.other, [], own)).toMatchObject({ code: 0 });
  } finally {
    await nginx.stop();
  }
});
