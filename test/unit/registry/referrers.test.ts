import { afterEach, describe, expect, it } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function script(...steps: Step[]): Promise<{ server: ScriptedServer; client: RegistryClient }> {
  const server = await startScript(steps);
  const client = clientFor([server.host]);
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client };
}

const subject = `sha256:${'a'.repeat(64)}` as Digest;
const API = `GET /v2/a/b/referrers/${subject}`;
const entries = [1, 2, 3].map((i) => ({
  ...descriptorOf(Buffer.from(`${i}`), MediaType.ociManifest),
  artifactType: 'application/spdx+json',
}));

function page(from: number, to: number, link?: string): Answer {
  const list = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: entries.slice(from, to) };
  const headers = { 'content-type': MediaType.ociIndex, ...(link === undefined ? {} : { link }) };
  return { headers, body: JSON.stringify(list) };
}

describe('the referrers API', () => {
  it('is read to its last page', async () => {
    const { server, client } = await script(
      { expect: API, answer: page(0, 2, `</v2/a/b/referrers/${subject}?last=2>; rel="next"`) },
      { expect: `${API}?last=2`, answer: page(2, 3) },
    );
    expect(await client.referrers({ registry: server.host, path: 'a/b' }, subject)).toEqual(entries);
  });

  it('is read to its last page when the links are in separate headers', async () => {
    const links = [`</v2/a/b/referrers/${subject}>; rel="first"`, `</v2/a/b/referrers/${subject}?last=2>; rel="next"`];
    const first = page(0, 2);
    const { server, client } = await script(
      { expect: API, answer: { ...first, headers: { ...first.headers, link: links } } },
      { expect: `${API}?last=2`, answer: page(2, 3) },
    );
    expect(await client.referrers({ registry: server.host, path: 'a/b' }, subject)).toEqual(entries);
  });

  it.each([
    [404, { status: 404, body: '404 page not found' }],
    [405, { status: 405, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }],
  ])('that does not exist (%i) is requested once per registry', async (_, answer) => {
    const { server, client } = await script({ expect: API, answer });
    const other = `sha256:${'b'.repeat(64)}` as Digest;
    const requests = await Promise.all([
      client.referrers({ registry: server.host, path: 'a/b' }, subject),
      client.referrers({ registry: server.host, path: 'a/b' }, other),
      client.referrers({ registry: server.host, path: 'c' }, subject),
    ]);
    expect(requests).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['{}', 'application/json'],
    ['null', 'application/json'],
    ['[]', 'application/json; charset=utf-8'],
    ['<html>', 'text/html'],
  ])('that returns %s, of type %s, counts as missing', async (body, type) => {
    const { server, client } = await script({ expect: API, answer: { headers: { 'content-type': type }, body } });
    expect(await client.referrers({ registry: server.host, path: 'a/b' }, subject)).toBeUndefined();
  });

  it('may return a list as generic JSON', async () => {
    const answer = { ...page(0, 1), headers: { 'content-type': 'application/json' } };
    const { server, client } = await script({ expect: API, answer });
    expect(await client.referrers({ registry: server.host, path: 'a/b' }, subject)).toHaveLength(1);
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
  ])('that denies access (%i) is an error, and is requested again for other images', async (status, code) => {
    const { server, client } = await script(
      { expect: API, answer: { status, headers: { 'www-authenticate': 'Basic realm="x"' } } },
      { expect: `GET /v2/c/referrers/${subject}`, answer: page(0, 1) },
    );
    await expect(client.referrers({ registry: server.host, path: 'a/b' }, subject)).rejects.toMatchObject({ code });
    expect(await client.referrers({ registry: server.host, path: 'c' }, subject)).toHaveLength(1);
  });

  it('that exists is requested again, even after a 404 for one repository', async () => {
    const { server, client } = await script(
      { expect: API, answer: page(0, 1) },
      { expect: `GET /v2/c/referrers/${subject}`, answer: { status: 404 } },
      { expect: API, answer: page(0, 1) },
    );
    const repository = { registry: server.host, path: 'a/b' };
    expect(await client.referrers(repository, subject)).toHaveLength(1);
    expect(await client.referrers({ registry: server.host, path: 'c' }, subject)).toBeUndefined();
    expect(await client.referrers(repository, subject)).toHaveLength(1);
  });

  it('that continues at another host, or returns an invalid list, is an error', async () => {
    const otherHost = await script({ expect: API, answer: page(0, 1, '<http://other.example/x>; rel="next"') });
    await expect(
      otherHost.client.referrers({ registry: otherHost.server.host, path: 'a/b' }, subject),
    ).rejects.toMatchObject({ code: 'registry', message: expect.stringContaining(otherHost.server.host) });
    const broken = { headers: { 'content-type': MediaType.ociIndex }, body: '{"manifests":[{}]}' };
    const { server, client } = await script(...[1, 2, 3].map(() => ({ expect: API, answer: broken })));
    await expect(client.referrers({ registry: server.host, path: 'a/b' }, subject)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining(`${server.host}/a/b@${subject}: ${server.host} `),
    });
  });

  it('is not read beyond the maximum number of entries', async () => {
    const many = {
      ...page(0, 3),
      body: JSON.stringify({ manifests: Array.from({ length: 15_000 }, () => entries[0]) }),
    };
    const next = (last: number) => ({ link: `</v2/a/b/referrers/${subject}?last=${last}>; rel="next"` });
    const { server, client } = await script(
      { expect: API, answer: { ...many, headers: { ...many.headers, ...next(1) } } },
      { expect: `${API}?last=1`, answer: { ...many, headers: { ...many.headers, ...next(2) } } },
    );
    await expect(client.referrers({ registry: server.host, path: 'a/b' }, subject)).rejects.toMatchObject({
      code: 'registry',
    });
  });

  it('is requested again after a damaged list', async () => {
    const whole = page(0, 3);
    const cut = { ...whole, body: String(whole.body).slice(0, 100) };
    const { server, client } = await script({ expect: API, answer: cut }, { expect: API, answer: whole });
    expect(await client.referrers({ registry: server.host, path: 'a/b' }, subject)).toEqual(entries);
  });
});
