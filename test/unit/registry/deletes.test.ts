import { afterEach, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A registry that gives these answers to one deletion. */
async function setUp(tagOrDigest: string, ...answers: readonly Answer[]) {
  const server: ScriptedServer = await startScript(
    answers.map((answer) => ({ expect: `DELETE /v2/a/b/manifests/${tagOrDigest}`, answer })),
  );
  const client: RegistryClient = clientFor([server.host]);
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client, remove: () => client.deleteManifest({ registry: server.host, path: 'a/b' }, tagOrDigest) };
}

const refusal = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ code, message: 'no' }] }),
});

describe('a deletion', () => {
  it.each([
    [DIGEST, { status: 202 }, 'deleted'],
    ['v1', { status: 200 }, 'deleted'],
    [DIGEST, refusal(404, 'MANIFEST_UNKNOWN'), 'gone'],
    ['v1', refusal(404, 'NAME_UNKNOWN'), 'gone'],
  ] as const)('of %s with the answer %o is %s', async (name, answer, expected) => {
    expect(await (await setUp(name, answer)).remove()).toBe(expected);
  });

  it.each([
    [DIGEST, refusal(405, 'UNSUPPORTED'), 'unsupported'],
    // distribution 2.8 expects a digest.
    ['v1', refusal(400, 'DIGEST_INVALID'), 'unsupported'],
    [DIGEST, refusal(400, 'DIGEST_INVALID'), 'registry'],
    [DIGEST, refusal(403, 'DENIED'), 'forbidden'],
    [DIGEST, refusal(401, 'UNAUTHORIZED'), 'unauthorized'],
    [DIGEST, refusal(409, 'DENIED'), 'registry'],
  ] as const)('of %s with the answer %o fails as %s', async (name, answer, code) => {
    // A registry that wants a login is asked for its challenge.
    const { server, remove } = await setUp(name, answer);
    if (answer.status === 401) server.add({ expect: 'GET /v2/', answer: { status: 200 } });
    await expect(remove()).rejects.toMatchObject({ code });
  });

  it('is asked for with the scope of deletions', async () => {
    const { server, client } = await setUp(DIGEST, {
      status: 202,
    });
    const { host } = server;
    const challenged = await startScript([
      {
        expect: `DELETE /v2/a/b/manifests/${DIGEST}`,
        answer: { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${host}/token",service="test"` } },
      },
      { expect: `DELETE /v2/a/b/manifests/${DIGEST}`, answer: { status: 202 } },
    ]);
    const other = clientFor([challenged.host, host]);
    cleanup.push(
      () => challenged.stop(),
      () => other.close(),
    );
    server.add({ expect: /^GET \/token/, answer: { body: '{"token":"t"}' } });
    await client.deleteManifest({ registry: host, path: 'a/b' }, DIGEST);
    expect(await other.deleteManifest({ registry: challenged.host, path: 'a/b' }, DIGEST)).toBe('deleted');
    const [, token] = server.seen;
    expect(new URL(token?.url ?? '', 'http://x').searchParams.get('scope')).toBe('repository:a/b:pull,delete');
  });

  it.each(['../x', 'v1/../../x', '-x', 'a b'])('of the hostile name %s is not sent', async (name) => {
    const { remove, server } = await setUp(name);
    await expect(remove()).rejects.toMatchObject({ code: 'reference-invalid' });
    expect(server.seen).toEqual([]);
  });
});
