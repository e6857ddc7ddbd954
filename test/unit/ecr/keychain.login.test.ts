import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { type EcrHost, ecrHost } from '../../../src/ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain } from '../../../src/ecr/keychain.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import { ensureRepositories } from '../../../src/ecr/repositories.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { awsEnvironment, declaring, operations } from '../../support/ecr/access.ts';
import { ROLE_KEY } from '../../support/ecr/sts.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { clientFor } from '../../support/registry-client.ts';
import { scratchFolder } from '../../support/scratch.ts';

let ecr: TestEcr;
let host: EcrHost;
beforeEach(async () => {
  awsEnvironment();
  ecr = await startEcr({ repositories: ['mirrored/there'], blobMounting: true });
  host = ecrHost(ecr.host, options().ecrHosts) as EcrHost;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await ecr.stop();
});

const options = (): EcrOptions => declaring(ecr);
const control = (): string[] => operations(ecr);
const layer = Buffer.alloc(300_000, 'layer');
const blob = descriptorOf(layer);
const body = { size: layer.length, open: async (offset = 0) => Readable.from([layer.subarray(offset)]) };

/** Hosts of the emulator: the registry, and its storage on another port. */
const loopback = ['127.0.0.1'];

/** Reports whether an event says something else than that a step began or ended. */
function isMessage({ type }: AirgapEvent): boolean {
  return type !== 'step' && type !== 'step-end';
}

describe('the ECR keychain', () => {
  it('logs in once, and images are pushed and pulled with its token', async () => {
    const client = clientFor(loopback, { keychain: ecrKeychain(options()) });
    const repository = { registry: ecr.host, path: 'mirrored/there' };
    const config = Buffer.from('{}');
    await client.putBlob(repository, descriptorOf(config), {
      size: 2,
      open: async () => Readable.from([config]),
    });
    await client.putBlob(repository, blob, body);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: descriptorOf(config, MediaType.empty),
        layers: [blob],
      }),
    );
    const content = { bytes, descriptor: descriptorOf(bytes, MediaType.ociManifest) };
    await client.putManifest(repository, content, 'v1');
    expect(await client.hasManifest(repository, 'v1')).toBe(content.descriptor.digest);
    expect((await buffer(await client.blob(repository, blob).open(1000))).equals(layer.subarray(1000))).toBe(true);
    expect(control()).toEqual(['GetAuthorizationToken']);
    await client.close();
  });

  it('logs in again when the token expires during a run', async () => {
    const client = clientFor(loopback, { keychain: ecrKeychain(options()) });
    const repository = { registry: ecr.host, path: 'mirrored/there' };
    await client.putBlob(repository, blob, body);
    ecr.expireTokens();
    expect(await client.hasBlob(repository, blob)).toBe(true);
    ecr.expireTokens();
    const all = await Promise.all(Array.from({ length: 5 }, () => client.hasManifest(repository, 'v1')));
    expect(all).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(control()).toEqual(['GetAuthorizationToken', 'GetAuthorizationToken', 'GetAuthorizationToken']);
    await client.close();
  });

  it('ignores other hosts', async () => {
    expect(await ecrKeychain(options()).lookup('quay.io')).toBeUndefined();
    expect(control()).toEqual([]);
  });

  it('falls back to stored logins without AWS credentials, with a warning', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const events: AirgapEvent[] = [];
    const keychain = ecrKeychain({ ...options(), emit: (event) => events.push(event) });
    expect(await keychain.lookup(ecr.host)).toBeUndefined();
    expect(await keychain.lookup(ecr.host)).toBeUndefined();
    expect(events.filter(isMessage)).toMatchObject([{ type: 'warning', message: expect.stringContaining(ecr.host) }]);
  });

  it('distinguishes bad credentials from missing permissions', async () => {
    ecr.fault({ match: 'GetAuthorizationToken', code: 'UnrecognizedClientException', message: 'invalid token' });
    await expect(ecrKeychain(options()).lookup(ecr.host)).rejects.toMatchObject({ code: 'unauthorized' });
    ecr.fault({ match: 'GetAuthorizationToken', code: 'AccessDeniedException', message: 'not authorized' });
    await expect(ecrKeychain(options()).lookup(ecr.host)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('uses only the credentials of a requested profile', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'config'), '[profile own]\naws_access_key_id = AKIAOWN\naws_secret_access_key = own\n');
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
    const events: AirgapEvent[] = [];
    const of = (profile: string) => ecrKeychain({ ...options(), profile, emit: (event) => events.push(event) });
    expect((await of('own').lookup(ecr.host))?.source).toContain('profile own');
    expect(of('own').sources?.(ecr.host)).toEqual([expect.stringContaining('profile own')]);
    expect(ecr.requests.map(({ key }) => key)).toEqual(['AKIAOWN']);
    await expect(of('absent').lookup(ecr.host)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('[absent]'),
    });
    expect(events.filter(isMessage)).toEqual([]);
    const named = { ...options(), env: { AWS_PROFILE: 'gone' }, emit: (event: AirgapEvent) => events.push(event) };
    expect(await ecrKeychain(named).lookup(ecr.host)).toBeUndefined();
    expect(events.filter(isMessage)).toMatchObject([{ message: expect.stringContaining('[gone]') }]);
  });

  it('retries when ECR throttles', async () => {
    ecr.fault({ match: 'GetAuthorizationToken' });
    expect(await ecrKeychain(options()).lookup(ecr.host)).toMatchObject({ kind: 'basic', username: 'AWS' });
  });

  it('uses the proxy of the environment', async () => {
    const proxied = { ...options(), endpointUrl: 'http://api.ecr.invalid', env: { HTTP_PROXY: ecr.endpoint } };
    expect(await ecrKeychain(proxied).lookup(ecr.host)).toMatchObject({ kind: 'basic', username: 'AWS' });
  });

  it('rejects an endpoint that is not a URL', async () => {
    const invalid = { ...options(), endpointUrl: 'api.ecr.example' };
    await expect(ecrKeychain(invalid).lookup(ecr.host)).rejects.toMatchObject({ code: 'config' });
  });
});

describe('the keychain of public.ecr.aws', () => {
  const listening = (extra: Partial<EcrOptions> = {}) => {
    const events: AirgapEvent[] = [];
    const env = { AWS_ENDPOINT_URL_ECR_PUBLIC: ecr.endpoint };
    return { env, ...extra, emit: (event: AirgapEvent) => events.push(event), events };
  };

  it('falls back to anonymous access when a token is denied, with one warning', async () => {
    const given = listening();
    const keychain = ecrPublicKeychain(given);
    expect(await keychain.lookup('public.ecr.aws')).toBeUndefined();
    expect(await keychain.lookup('public.ecr.aws')).toBeUndefined();
    expect(await keychain.lookup('quay.io')).toBeUndefined();
    expect(given.events.filter(isMessage)).toMatchObject([
      { type: 'warning', message: expect.stringContaining('public.ecr.aws') },
    ]);
  });

  it('falls back to anonymous access without credentials, with no warning', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const given = listening();
    expect(await ecrPublicKeychain(given).lookup('public.ecr.aws')).toBeUndefined();
    expect(given.events.filter(isMessage)).toEqual([]);
  });

  it('rejects a requested profile that does not exist', async () => {
    const keychain = ecrPublicKeychain(listening({ profile: 'absent' }));
    await expect(keychain.lookup('public.ecr.aws')).rejects.toMatchObject({ code: 'unauthorized' });
    const given = listening({ env: { AWS_PROFILE: 'gone' } });
    expect(await ecrPublicKeychain(given).lookup('public.ecr.aws')).toBeUndefined();
    expect(given.events.filter(isMessage)).toMatchObject([
      { type: 'warning', message: expect.stringContaining('[gone]') },
    ]);
  });
});

describe('a role', () => {
  const env = (): Record<string, string> => ({ AWS_ENDPOINT_URL_STS: ecr.endpoint });

  it('is assumed first, and signs all further requests', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/push';
    await ensureRepositories(host, ['mirrored/a'], { ...options(), env: env(), roleArn });
    expect(control()[0]).toBe('AssumeRole');
    expect(new Set(ecr.requests.slice(1).map(({ key }) => key))).toEqual(new Set([ROLE_KEY]));
  });

  it('that cannot be assumed is an error', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/denied';
    const looked = ecrKeychain({ ...options(), env: env(), roleArn }).lookup(ecr.host);
    await expect(looked).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('sts:AssumeRole'),
    });
  });
});
