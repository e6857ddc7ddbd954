import { afterEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { RegistryClient } from '../../../src/registry/client.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const TAGS = 'GET /v2/a/b/tags/list';
const CATALOG = 'GET /v2/_catalog';

/** A request with its answer, which may name the server's own host. */
type Exchange = readonly [string, Answer | ((host: string) => Answer)];

interface SetUp {
  readonly client: RegistryClient;
  readonly host: string;
  readonly warnings: () => readonly string[];
  readonly tags: () => Promise<readonly string[]>;
}

async function setUp(...exchanges: Exchange[]): Promise<SetUp> {
  const server = await startScript(
    exchanges.map(([expected, answer]) => ({
      expect: expected,
      answer: typeof answer === 'function' ? (_seen, host) => answer(host) : answer,
    })),
  );
  const events: AirgapEvent[] = [];
  const client = clientFor([server.host], { emit: (event) => events.push(event) });
  cleanup.push(
    () => server.stop(),
    () => client.close(),
  );
  return {
    client,
    host: server.host,
    warnings: () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    tags: async () => [...(await client.tags({ registry: server.host, path: 'a/b' }))],
  };
}

const page = (tags: unknown, link?: string): Answer => ({
  body: JSON.stringify({ name: 'a/b', tags }),
  ...(link !== undefined && { headers: { link } }),
});
const numbers = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `v${String(from + i).padStart(6, '0')}`);

describe('the tags of all pages', () => {
  it.each<[string, (host: string) => string, string]>([
    ['distribution', () => '</v2/a/b/tags/list?last=v1&n=1>; rel="next"', '?last=v1&n=1'],
    ['ECR', (host) => `<http://${host}/v2/a/b/tags/list?last=LONG%2Btoken%3D>; rel="next"`, '?last=LONG%2Btoken%3D'],
    ['Quay before 3.12', () => '</v2/a/b/tags/list?next_page=gAAA%3D&n=50>; rel="next"', '?next_page=gAAA%3D&n=50'],
    // renovatebot/renovate 15080, sonatype/nexus-public 1011: paths that the server itself does not know.
    [
      'Artifactory, without its repository',
      () => '</v2/b/tags/list?last=1000&n=1000>; rel="next"',
      '?last=1000&n=1000',
    ],
    [
      'Nexus, at a connector',
      (host) => `<http://${host}/repository/p/v2/a/b/tags/list?last=v1>; rel="next"`,
      '?last=v1',
    ],
    ['behind a proxy that ends TLS', (host) => `<https://${host}/v2/a/b/tags/list?last=v1>; rel="next"`, '?last=v1'],
    [
      'behind a proxy with another name',
      () => '<http://inside.example/v2/a/b/tags/list?last=v1>; rel="next"',
      '?last=v1',
    ],
    ['without quotes, with other parameters', () => '</x?last=v1>; title="a, b"; REL=next', '?last=v1'],
    ['after another relation', () => '</x?last=v0>; rel="prev", </x?last=v1>; rel="last next"', '?last=v1'],
    ['of a query alone', () => '<?last=v1>; rel="next"', '?last=v1'],
  ])('%s', async (_name, link, query) => {
    const { tags } = await setUp(
      [`${TAGS}?n=1000`, (host) => page(['v1'], link(host))],
      [`${TAGS}${query}`, page(['v2'])],
    );
    expect(await tags()).toEqual(['v1', 'v2']);
  });

  it('are one page if the link is to something else', async () => {
    const { tags } = await setUp([`${TAGS}?n=1000`, page(['v1'], '</x?last=v1>; rel="prev"')]);
    expect(await tags()).toEqual(['v1']);
  });

  it.each([400, 413])('are asked for without a number if the registry refuses ours with %i', async (status) => {
    const { tags } = await setUp([`${TAGS}?n=1000`, { status }], [TAGS, page(['v1'])]);
    expect(await tags()).toEqual(['v1']);
  });

  it('are each once, whatever their order', async () => {
    const { tags } = await setUp(
      [`${TAGS}?n=1000`, page(['v2', 'v1', 'v2'], '</x?last=v2>; rel="next"')],
      [`${TAGS}?last=v2`, page(['v1', 'v3'])],
    );
    expect(await tags()).toEqual(['v2', 'v1', 'v3']);
  });

  it('may have empty pages between them', async () => {
    const { tags } = await setUp(
      [`${TAGS}?n=1000`, page([], '</x?last=a>; rel="next"')],
      [`${TAGS}?last=a`, page(null, '</x?last=b>; rel="next"')],
      [`${TAGS}?last=b`, page(['v1'])],
    );
    expect(await tags()).toEqual(['v1']);
  });

  it('are all there at once in registries that ignore the number', async () => {
    const { tags } = await setUp([`${TAGS}?n=1000`, page(numbers(0, 2500))]);
    expect(await tags()).toHaveLength(2500);
  });
});

describe('after a full page without a link', () => {
  const next = `${TAGS}?n=1000&last=v000999`;

  it('the rest is asked for', async () => {
    const { tags } = await setUp([`${TAGS}?n=1000`, page(numbers(0, 1000))], [next, page(numbers(1000, 10))]);
    expect(await tags()).toEqual(numbers(0, 1010));
  });

  it('nothing is asked for if its last entry is no name', async () => {
    const entries = [...numbers(0, 999), '\ud800'];
    const { tags } = await setUp([`${TAGS}?n=1000`, { body: `{"tags":${JSON.stringify(entries)}}` }]);
    expect(await tags()).toHaveLength(999);
  });

  it.each<[string, Answer]>([
    ['has no more', page([])],
    ['begins again', page(numbers(0, 1000))],
    ['does not know the question, as ECR', { status: 405 }],
    ['denies it', { status: 404 }],
  ])('the registry %s', async (_name, answer) => {
    const { tags } = await setUp([`${TAGS}?n=1000`, page(numbers(0, 1000))], [next, answer]);
    expect(await tags()).toHaveLength(1000);
  });
});

describe('a list that cannot be right', () => {
  it('links to itself', async () => {
    const link = '</v2/a/b/tags/list?last=v1>; rel="next"';
    const { tags } = await setUp([`${TAGS}?n=1000`, page(['v1'], link)], [`${TAGS}?last=v1`, page(['v1'], link)]);
    await expect(tags()).rejects.toMatchObject({ code: 'registry' });
  });

  it('has ever other pages with the same tags', async () => {
    const pages = Array.from(
      { length: 101 },
      (_, i): Exchange => [`${TAGS}?last=${i}`, page(['v1'], `</x?last=${i + 1}>; rel="next"`)],
    );
    const { tags } = await setUp([`${TAGS}?n=1000`, page(['v1'], '</x?last=0>; rel="next"')], ...pages);
    await expect(tags()).rejects.toMatchObject({ code: 'registry' });
  });

  it('has an endless address', async () => {
    const { tags } = await setUp([`${TAGS}?n=1000`, page(['v1'], `</x?last=${'a'.repeat(5000)}>; rel="next"`)]);
    await expect(tags()).rejects.toMatchObject({ code: 'registry' });
  });

  it('is larger than any page', async () => {
    const { tags } = await setUp([`${TAGS}?n=1000`, { body: `{"tags":["${'a'.repeat(33 * 1024 * 1024)}"]}` }]);
    await expect(tags()).rejects.toMatchObject({ code: 'registry' });
  });

  it('has more entries than any registry', async () => {
    const body = JSON.stringify({ tags: Array.from({ length: 1_000_001 }, (_, i) => String(i)) });
    const { tags } = await setUp([`${TAGS}?n=1000`, { body }]);
    await expect(tags()).rejects.toMatchObject({ code: 'registry', message: expect.stringContaining('1000000') });
  });

  it('breaks off on a later page', async () => {
    const { tags } = await setUp(
      [`${TAGS}?n=1000`, page(['v1'], '</x?last=v1>; rel="next"')],
      [`${TAGS}?last=v1`, { status: 403 }],
    );
    await expect(tags()).rejects.toMatchObject({ code: 'forbidden' });
  });

  it.each([
    '[]',
    '{}',
    '{"tags":"v1"}',
    '{"tags":{"v1":1}}',
    '<html><title>Log in</title></html>',
    '',
    '{"tags":["v1"',
  ])('is no list: %s', async (body) => {
    const { tags } = await setUp([`${TAGS}?n=1000`, { body }]);
    await expect(tags()).rejects.toMatchObject({ code: 'registry' });
  });
});

describe('invalid names', () => {
  it('are left out with one warning a registry', async () => {
    const bad = ['v1', '../x', 'a b', '-x', '', 1, null, { tag: 'v1' }, `v${'1'.repeat(128)}`, 'v1\u001b[2J'];
    const { client, host, warnings, tags } = await setUp(
      [`${TAGS}?n=1000`, page(bad)],
      ['GET /v2/c/d/tags/list?n=1000', page(['../x'])],
    );
    expect(await tags()).toEqual(['v1']);
    expect(await client.tags({ registry: host, path: 'c/d' })).toEqual(new Set());
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain('9 ');
  });

  it('of repositories are left out, too', async () => {
    const repositories = ['team/app', 'Team/App', '/x', 'a//b', '../_catalog', 'a/b:v1', 7];
    const { client, host, warnings } = await setUp([`${CATALOG}?n=1000`, { body: JSON.stringify({ repositories }) }]);
    expect(await client.catalog(host)).toEqual(['team/app']);
    expect(warnings()).toHaveLength(1);
  });
});

describe('the tags of a repository', () => {
  it.each<[string, Answer, string]>([
    ['that does not exist', { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' }, 'image-not-found'],
    ['that others may not see', { status: 403 }, 'forbidden'],
    ['of a registry that fails', { status: 501 }, 'registry'],
  ])('%s', async (_name, answer, code) => {
    const { tags } = await setUp([`${TAGS}?n=1000`, answer]);
    await expect(tags()).rejects.toMatchObject({ code });
  });
});
