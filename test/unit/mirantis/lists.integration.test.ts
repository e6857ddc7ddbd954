import { expect, test } from 'vitest';
import * as z from 'zod';
import { type ListRequest, readList } from '../../../src/mirantis/lists.ts';
import type { Api } from '../../../src/mirantis/requests.ts';

test('a list whose pages are too much together is refused before it fills the memory', async () => {
  const bytes = Buffer.from(JSON.stringify({ names: ['a'], padding: ' '.repeat(15 * 1024 * 1024) }));
  let pages = 0;
  const page = async () => {
    const headers = { 'x-next-page-start': `after-${++pages}` };
    return { response: { status: 200, headers, url: new URL('https://r.example') }, bytes };
  };
  const api = { registry: 'r.example', find: page, send: page, user: async () => 'me' } as unknown as Api;
  const list: ListRequest<z.ZodString> = { path: '/enzi/v0/x', what: 'names', field: 'names', schema: z.string() };
  await expect(readList(api, list)).rejects.toMatchObject({ code: 'registry' });
  expect(pages).toBeLessThan(20);
});
