import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { type EcrHost, ecrHost } from '../../../src/ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain } from '../../../src/ecr/keychain.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import { ensureRepositories, findRepositories } from '../../../src/ecr/repositories.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { ROLE_KEY } from '../../support/ecr/sts.ts';
import { startEcr, type TestEcr } from '../../support/ecr.ts';
import { clientFor, describeBytes } from '../registry/set-up.ts';

let ecr: TestEcr;
let host: EcrHost;
beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret-key');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
  ecr = await startEcr({ repositories: ['mirrored/there'], blobMounting: true });
  host = ecrHost(ecr.host, options().hosts) as EcrHost;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await ecr.stop();
});

function options(): EcrOptions {
  return {
    env: {},
    endpoint: ecr.endpoint,
    hosts: [{ host: ecr.host, region: 'us-east-1', account: '123456789012' }],
  };
}

const control = (): string[] => ecr.requests.filter(({ plane }) => plane === 'control').map(({ what }) => what);
const layer = Buffer.alloc(300_000, 'layer');
const blob = describeBytes(layer);
const body = { size: layer.length, open: async (offset = 0) => Readable.from([layer.subarray(offset)]) };

/** The hosts that a client of the stand-in speaks to: the registry, and whatever port its storage has. */
const loopback = ['127.0.0.1'];

describe('the ECR keychain', () => {
  it('logs in once, and images go up and down with its token', async () => {
    const client = clientFor(loopback, { keychain: ecrKeychain(options()) });
    const repository = { registry: ecr.host, path: 'mirrored/there' };
    const config = Buffer.from('{}');
    await client.putBlob(repository, describeBytes(config), {
      size: 2,
      open: async () => Readable.from([config]),
    });
    await client.putBlob(repository, blob, body);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: describeBytes(config, MediaType.empty),
        layers: [blob],
      }),
    );
    const content = { bytes, descriptor: describeBytes(bytes, MediaType.ociManifest) };
    await client.putManifest(repository, content, 'v1');
    expect(await client.hasManifest(repository, 'v1')).toBe(content.descriptor.digest);
    expect((await buffer(await client.blob(repository, blob).open(1000))).equals(layer.subarray(1000))).toBe(true);
    expect(control()).toEqual(['GetAuthorizationToken']);
    await client.close();
  });

  it('logs in again when the token has run out in mid-run', async () => {
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

  it('does not know other hosts', async () => {
    expect(await ecrKeychain(options()).lookup('quay.io')).toBeUndefined();
    expect(control()).toEqual([]);
  });

  it('without AWS credentials leaves it to stored logins, with a warning', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const events: AirgapEvent[] = [];
    const keychain = ecrKeychain({ ...options(), emit: (event) => events.push(event) });
    expect(await keychain.lookup(ecr.host)).toBeUndefined();
    expect(await keychain.lookup(ecr.host)).toBeUndefined();
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('no AWS credentials') }]);
  });

  it('tells bad credentials from missing rights', async () => {
    ecr.fault({ match: 'GetAuthorizationToken', code: 'UnrecognizedClientException', message: 'invalid token' });
    await expect(ecrKeychain(options()).lookup(ecr.host)).rejects.toMatchObject({ code: 'unauthorized' });
    ecr.fault({ match: 'GetAuthorizationToken', code: 'AccessDeniedException', message: 'not authorized' });
    await expect(ecrKeychain(options()).lookup(ecr.host)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('waits when ECR throttles', async () => {
    ecr.fault({ match: 'GetAuthorizationToken' });
    expect(await ecrKeychain(options()).lookup(ecr.host)).toMatchObject({ kind: 'basic', username: 'AWS' });
  });

  it('goes through the proxy of the environment', async () => {
    const proxied = { ...options(), endpoint: 'http://api.ecr.invalid', env: { HTTP_PROXY: ecr.endpoint } };
    expect(await ecrKeychain(proxied).lookup(ecr.host)).toMatchObject({ kind: 'basic', username: 'AWS' });
  });

  it('wants an endpoint that is a URL', async () => {
    const bad = { ...options(), endpoint: 'api.ecr.example' };
    await expect(ecrKeychain(bad).lookup(ecr.host)).rejects.toMatchObject({ code: 'config' });
  });
});

describe('the keychain of public.ecr.aws', () => {
  it('means anonymous access whenever there is no token to be had', async () => {
    const env = { AWS_ENDPOINT_URL_ECR_PUBLIC: ecr.endpoint };
    expect(await ecrPublicKeychain({ env }).lookup('public.ecr.aws')).toBeUndefined();
    expect(await ecrPublicKeychain({ env }).lookup('quay.io')).toBeUndefined();
  });
});

describe('repositories', () => {
  it('are created where they are missing', async () => {
    const names = ['mirrored/a', 'mirrored/there', 'mirrored/b', 'mirrored/a'];
    const settings = {
      immutable: true,
      except: ['dev-*', 'latest'],
      scanOnPush: true,
      kmsKey: 'alias/own',
      tags: { team: 'x' },
      lifecyclePolicy: '{"rules":[]}',
      repositoryPolicy: '{"Version":"2012-10-17"}',
    };
    const ensured = await ensureRepositories(host, names, { ...options(), settings });
    expect(ensured).toEqual({
      existing: ['mirrored/there'],
      created: ['mirrored/a', 'mirrored/b'],
      onPush: [],
      reconciled: [],
    });
    expect(ecr.repositories.get('mirrored/a')?.settings).toMatchObject({
      registryId: '123456789012',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [
        { filterType: 'WILDCARD', filter: 'dev-*' },
        { filterType: 'WILDCARD', filter: 'latest' },
      ],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/own' },
      tags: [{ Key: 'team', Value: 'x' }],
      lifecyclePolicyText: '{"rules":[]}',
      policyText: '{"Version":"2012-10-17"}',
    });
    expect(ecr.repositories.get('mirrored/there')?.settings).toEqual({});
  });

  it('are looked up a hundred at a time', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `mirrored/r${index}`);
    for (const name of names) ecr.createRepository(name);
    const ensured = await ensureRepositories(host, names, options());
    expect(ensured.existing).toEqual(names);
    expect(control()).toEqual(['DescribeRepositories', 'DescribeRepositories', 'DescribeRepositories']);
  });

  it('that somebody else created in the meantime are as good', async () => {
    ecr.fault({ match: 'CreateRepository', code: 'RepositoryAlreadyExistsException', message: 'exists' });
    expect(await ensureRepositories(host, ['mirrored/a'], options())).toMatchObject({
      existing: [],
      created: ['mirrored/a'],
    });
  });

  it('that may not be created are listed, every one', async () => {
    ecr.fault({ match: 'CreateRepository', times: 2, code: 'AccessDeniedException', message: 'not authorized' });
    const ensured = ensureRepositories(host, ['mirrored/a', 'mirrored/there', 'mirrored/b'], options());
    await expect(ensured).rejects.toMatchObject({
      code: 'forbidden',
      message: `${ecr.host}: the credentials may not create what is missing: mirrored/a, mirrored/b`,
    });
  });

  it('with names that ECR does not allow are told at once and all together', async () => {
    const names = ['ok/name', 'Upper/case', 'double__underscore', 'a--b', `${'x'.repeat(257)}`];
    const ensured = ensureRepositories(host, names, options());
    await expect(ensured).rejects.toMatchObject({ code: 'reference-invalid' });
    await expect(ensured).rejects.toThrow(/4 repository names.*Upper\/case, double__underscore, a--b, x+$/);
    expect(control()).toEqual([]);
  });
});

describe('repositories that are there', () => {
  it('are found on the pages of the list when some are missing', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `mirrored/r${index}`);
    for (const name of names) ecr.createRepository(name);
    const found = await findRepositories(host, [...names, 'mirrored/new'], options());
    expect(found).toEqual({ existing: names, missing: ['mirrored/new'], onPush: [] });
    const asked = control().filter((what) => what === 'DescribeRepositories');
    // Three batches by name, of which the last fails, and three pages.
    expect(asked).toHaveLength(6);
    expect(control()).not.toContain('CreateRepository');
  });

  it('are found by their names alone where nobody may list', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `mirrored/r${index}`);
    for (const name of names.slice(0, 13)) ecr.createRepository(name);
    ecr.denyListing();
    const found = await findRepositories(host, names, options());
    expect(found).toEqual({ existing: names.slice(0, 13), missing: names.slice(13), onPush: [] });
  });

  it('stay as they are, unless they are to be reconciled', async () => {
    const settings = { immutable: true, scanOnPush: true, tags: { team: 'x' }, lifecyclePolicy: '{"rules":[]}' };
    await ensureRepositories(host, ['mirrored/there'], { ...options(), settings });
    expect(ecr.repositories.get('mirrored/there')?.settings).toEqual({});
    const changed = await ensureRepositories(host, ['mirrored/there'], { ...options(), settings, reconcile: true });
    expect(changed.reconciled).toEqual([
      { name: 'mirrored/there', changes: ['mutability', 'scan', 'tags', 'policies'] },
    ]);
    expect(ecr.repositories.get('mirrored/there')?.settings).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      tags: [{ Key: 'team', Value: 'x' }],
      lifecyclePolicyText: '{"rules":[]}',
    });
    const { lifecyclePolicy: _, tags: __, ...fixed } = settings;
    const again = await ensureRepositories(host, ['mirrored/there'], {
      ...options(),
      settings: fixed,
      reconcile: true,
    });
    expect(again.reconciled).toEqual([]);
  });

  it('keep their key, with a warning', async () => {
    const events: AirgapEvent[] = [];
    const emit = (event: AirgapEvent): void => void events.push(event);
    await ensureRepositories(host, ['mirrored/there'], {
      ...options(),
      settings: { kmsKey: 'alias/own' },
      reconcile: true,
      emit,
    });
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('cannot be changed') }]);
  });
});

describe('repositories under a creation template', () => {
  const templates = [
    { prefix: 'mirrored', appliedFor: ['CREATE_ON_PUSH'] },
    { prefix: 'mirrored/quay.io', appliedFor: ['PULL_THROUGH_CACHE'] },
  ];

  it('are left to ECR, the others are created', async () => {
    await ecr.stop();
    ecr = await startEcr({ templates });
    const names = ['mirrored/quay.io/a', 'mirrored2/a', 'mirrored'];
    const events: AirgapEvent[] = [];
    const emit = (event: AirgapEvent): void => void events.push(event);
    const ensured = await ensureRepositories(host, names, { ...options(), settings: { immutable: true }, emit });
    expect(ensured).toMatchObject({ onPush: ['mirrored/quay.io/a'], created: ['mirrored2/a', 'mirrored'] });
    expect([...ecr.repositories.keys()]).toEqual(['mirrored2/a', 'mirrored']);
    expect(events).toMatchObject([{ message: expect.stringContaining('a creation template') }]);
  });

  it('that is for all others has its own name', async () => {
    await ecr.stop();
    ecr = await startEcr({ templates: [{ prefix: 'ROOT', appliedFor: ['CREATE_ON_PUSH'] }] });
    expect((await findRepositories(host, ['x/y'], options())).onPush).toEqual(['x/y']);
  });

  it('are created where templates may not be read', async () => {
    ecr.fault({ match: 'DescribeRepositoryCreationTemplates', code: 'AccessDeniedException', message: 'no' });
    expect((await ensureRepositories(host, ['mirrored/a'], options())).created).toEqual(['mirrored/a']);
  });
});

describe('a role', () => {
  const env = (): Record<string, string> => ({ AWS_ENDPOINT_URL_STS: ecr.endpoint });

  it('is assumed first, and signs from then on', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/push';
    await ensureRepositories(host, ['mirrored/a'], { ...options(), env: env(), roleArn });
    expect(control()[0]).toBe('AssumeRole');
    expect(new Set(ecr.requests.slice(1).map(({ key }) => key))).toEqual(new Set([ROLE_KEY]));
  });

  it('that may not be assumed is an error in words', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/denied';
    const looked = ecrKeychain({ ...options(), env: env(), roleArn }).lookup(ecr.host);
    await expect(looked).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('sts:AssumeRole'),
    });
  });
});
