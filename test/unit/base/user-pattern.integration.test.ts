import { expect, it } from 'vitest';
import { matchingTexts } from '../../../src/base/user-pattern.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import type { Context } from '../../../src/session/context.ts';
import { listImages } from '../../../src/workflows/mirror/listing/list-images.ts';

const SLOW = '(a+)+$';
const TAG = `${'a'.repeat(127)}_`;

it('stops an expression that takes exponential time', () => {
  expect(() => matchingTexts(SLOW, [TAG])).toThrow(expect.objectContaining({ code: 'usage' }));
});

it('tries a slow expression once for all repositories', async () => {
  const client = {
    catalog: async () => Array.from({ length: 20 }, (_, i) => `app-${i}`),
    tags: async () => new Set([TAG]),
  } as unknown as RegistryClient;
  const context = { emit: () => {}, env: {} } as unknown as Context;
  const registries = [{ registry: 'r.example', repositories: [], tags: [SLOW] }];
  const options = { images: [], registries, repositories: [], concurrency: 4 };
  await expect(listImages(context, client, options)).rejects.toMatchObject({ code: 'usage', causes: [] });
});
