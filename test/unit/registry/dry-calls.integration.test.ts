import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chainKeychains } from '../../../src/auth/keychain.ts';
import { createTransport, type Transport } from '../../../src/http/transport.ts';
import { mayPush, repositoryBelow, repositoryExists, tryUpload } from '../../../src/registry/dry-calls.ts';
import { createSession, keychainAuthorizer, type Session } from '../../../src/registry/session.ts';
import { pushImage } from '../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { type Answer, startScript } from '../../support/scripted-server.ts';

let registry: TestRegistry;
const transports: Transport[] = [];

function sessionFor(): Session {
  const transport = createTransport({ plainHttp: ['127.0.0.1'] });
  transports.push(transport);
  return createSession(transport, keychainAuthorizer(transport, chainKeychains()));
}
const content = (): string[] => globSync('**', { cwd: registry.repositories }).sort();

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry.host, 'mirror/app', '1');
  await pushImage(registry.host, 'mirrors/app', '1');
});
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
});
afterAll(() => registry.stop());

describe('at a real registry', () => {
  it('a push is asked for without a trace', async () => {
    const before = content();
    expect(await mayPush(sessionFor(), { registry: registry.host, path: 'mirror/app' })).toBe(true);
    expect(content()).toEqual(before);
  });

  it('a repository of a prefix is found', async () => {
    const find = (path: string) => repositoryBelow(sessionFor(), { registry: registry.host, path });
    expect(await Promise.all(['mirror', 'mirrors', 'mirr', ''].map(find))).toEqual([
      'mirror/app',
      'mirrors/app',
      undefined,
      'mirror/app',
    ]);
    const exists = (path: string) => repositoryExists(sessionFor(), { registry: registry.host, path });
    expect(await Promise.all(['mirror/app', 'mirror'].map(exists))).toEqual([true, false]);
  });

  it('an upload is cancelled, and no repository is listed for it', async () => {
    const repository = { registry: registry.host, path: 'new/probe' };
    expect(await tryUpload(sessionFor(), repository)).toBe('cancelled');
    expect(existsSync(join(registry.repositories, 'new/probe/_manifests'))).toBe(false);
    expect(await repositoryBelow(sessionFor(), { registry: registry.host, path: 'new' })).toBeUndefined();
  });
});

describe('the answer to a manifest that cannot be stored', () => {
  async function answered(answer: Answer): Promise<unknown> {
    const server = await startScript([{ expect: /^PUT /, answer }]);
    try {
      return await mayPush(sessionFor(), { registry: server.host, path: 'mirror/app' }).catch(
        ({ code }: { code: string }) => code,
      );
    } finally {
      await server.stop();
    }
  }

  it.each([
    [400, true],
    [422, true],
    [403, 'forbidden'],
    [405, 'unsupported'],
    [404, undefined],
    [201, undefined],
  ])('%d', async (status, expected) => {
    expect(await answered({ status })).toBe(expected);
  });
});

it.each(['<html>', '{}', '{"repositories":[1,"../x","a b"]}'])('a list of repositories %s is hostile', async (body) => {
  const server = await startScript([{ expect: /^GET /, answer: { body } }]);
  const found = await repositoryBelow(sessionFor(), { registry: server.host, path: '' }).catch(
    ({ code }: { code: string }) => code,
  );
  expect(found).toBe(body.includes('[') ? undefined : 'registry');
  await server.stop();
});
