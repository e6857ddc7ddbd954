import { describe, expect, it, onTestFinished } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { rateLimitOf } from '../../../src/registry/throttling.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type ScriptedServer, startScript } from '../../support/scripted-server.ts';

const body = JSON.stringify({ schemaVersion: 2, config: {}, layers: [] });

/** Starts a registry that serves the manifests `a/b:0`, `a/b:1`, … with these headers. */
async function start(
  ...headers: Record<string, string>[]
): Promise<{ server: ScriptedServer; client: RegistryClient }> {
  const server = await startScript(
    headers.map((extra, tag) => ({
      expect: `GET /v2/a/b/manifests/${tag}`,
      answer: { headers: { 'content-type': MediaType.ociManifest, ...extra }, body },
    })),
  );
  const client = clientFor([server.host]);
  onTestFinished(async () => {
    await client.close();
    await server.stop();
  });
  for (const [tag] of headers.entries()) await client.manifest({ registry: server.host, path: 'a/b' }, String(tag));
  return { server, client };
}

describe("a registry's pull limit", () => {
  it('is the lowest value in the headers of manifests', async () => {
    const limit = { 'RateLimit-Limit': '100;w=21600' };
    const { server, client } = await start(
      { ...limit, 'RateLimit-Remaining': '76;w=21600' },
      { ...limit, 'RateLimit-Remaining': '74;w=21600' },
      { ...limit, 'RateLimit-Remaining': '75;w=21600' },
    );
    expect(client.quotas()).toEqual([{ registry: server.host, remaining: 74, limit: 100, seconds: 21600 }]);
  });

  it('may have neither window nor size', async () => {
    const { server, client } = await start({ 'ratelimit-remaining': '5' });
    expect(client.quotas()).toEqual([{ registry: server.host, remaining: 5 }]);
  });

  it('is undefined without valid headers', async () => {
    const { client } = await start({}, { 'ratelimit-remaining': 'plenty', 'ratelimit-limit': '100' });
    expect(client.quotas()).toEqual([]);
  });
});

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('rate limit headers', () => {
  it.each([
    ['none', {}, {}],
    [
      'Docker Hub',
      { 'ratelimit-limit': '10;w=21600', 'ratelimit-remaining': '0;w=21600' },
      { limit: 10, remaining: 0, window: 21600 },
    ],
    [
      'GitLab: a time',
      { 'ratelimit-limit': '60', 'ratelimit-remaining': '0', 'ratelimit-reset': String(NOW / 1000 + 30) },
      { limit: 60, remaining: 0, wait: 30_000 },
    ],
    ['the draft: a duration', { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }, { remaining: 0, wait: 30_000 }],
    ['GitHub', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '5' }, { remaining: 0, wait: 5000 }],
    ['a reset while requests remain', { 'ratelimit-remaining': '7', 'ratelimit-reset': '30' }, { remaining: 7 }],
    [
      'a reset and Retry-After, which takes precedence',
      { 'ratelimit-remaining': '0', 'ratelimit-reset': '30', 'retry-after': '2' },
      { remaining: 0, wait: 2000 },
    ],
    ['a reset in the past', { 'ratelimit-remaining': '0', 'ratelimit-reset': '1000000001' }, { remaining: 0, wait: 0 }],
    ['nonsense', { 'ratelimit-remaining': 'plenty', 'ratelimit-limit': '-1', 'retry-after': 'soon' }, {}],
    ['a repeated header', { 'ratelimit-remaining': ['3', '4'] }, { remaining: 3 }],
  ])('are parsed: %s', (_, headers, expected) => {
    expect(rateLimitOf(headers, NOW)).toEqual(expected);
  });
});
