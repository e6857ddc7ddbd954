import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../../src/base/events.ts';
import type { Context } from '../../../../../src/session/context.ts';
import { listImages } from '../../../../../src/workflows/mirror/listing/list-images.ts';
import { referenceOf } from '../../../../../src/workflows/mirror/listing/references.ts';
import type { ListOptions } from '../../../../../src/workflows/mirror/listing/selection.ts';
import { MemoryRegistry } from '../../../../support/memory-registry.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const HEX = 'a'.repeat(64);
const HOST = 'r.example';

interface Setting {
  /** Tags by path, or the error of its list. */
  readonly tags: Readonly<Record<string, readonly string[] | AirgapError>>;
  /** Default: all paths with tags. */
  readonly catalogue?: readonly string[] | AirgapError;
  readonly registry?: MemoryRegistry;
  readonly signal?: AbortSignal;
}

interface Outcome {
  /** Lookups by path. */
  readonly images: Readonly<Record<string, readonly string[]>>;
  readonly events: readonly AirgapEvent[];
  /** Lists that were asked for. */
  readonly asked: readonly string[];
}

async function list(setting: Setting, options: Partial<ListOptions>): Promise<Outcome> {
  const { tags, catalogue = Object.keys(tags), registry = new MemoryRegistry(), signal } = setting;
  const asked: string[] = [];
  const events: AirgapEvent[] = [];
  const orThrow = <T>(value: T | AirgapError): T => {
    if (value instanceof AirgapError) throw value;
    return value;
  };
  const client = {
    catalog: async (host: string) => {
      asked.push(host);
      return orThrow(catalogue);
    },
    tags: async ({ path }: { path: string }) => {
      asked.push(path);
      const missing = new AirgapError('image-not-found', 'not found', { subject: path });
      return new Set(orThrow(tags[path] ?? missing));
    },
    head: registry.head.bind(registry),
    manifest: registry.manifest.bind(registry),
    blob: registry.blob.bind(registry),
  };
  const context = { emit: (event: AirgapEvent) => events.push(event), env: {}, cwd: '/', signal } as unknown as Context;
  const all = { images: [], registries: [], repositories: [], concurrency: 4, ...options };
  const found = await listImages(context, client, all);
  return {
    images: Object.fromEntries(found.map(({ repository, lookups }) => [repository.path, lookups])),
    events,
    asked,
  };
}

const from = (selection: Partial<ListOptions['registries'][number]> = {}): Partial<ListOptions> => ({
  registries: [{ registry: HOST, repositories: [], tags: [], ...selection }],
});
const TAGS = { 'team/app': ['v1', 'v2', 'latest'], 'team/web': ['v1', 'main'], other: ['v9'] };

describe('the images of a registry', () => {
  it.each<[string, Parameters<typeof from>[0], Outcome['images']]>([
    ['all', {}, { other: ['v9'], 'team/app': ['latest', 'v1', 'v2'], 'team/web': ['main', 'v1'] }],
    ['a pattern', { repositories: ['team/*'] }, { 'team/app': ['latest', 'v1', 'v2'], 'team/web': ['main', 'v1'] }],
    ['a name', { repositories: ['other'] }, { other: ['v9'] }],
    ['a name that overlaps a pattern', { repositories: ['team/app', '*p'] }, { 'team/app': ['latest', 'v1', 'v2'] }],
    ['a name with the registry', { repositories: [`${HOST}/other`] }, { other: ['v9'] }],
    ['a regular expression', { tags: ['^v'] }, { other: ['v9'], 'team/app': ['v1', 'v2'], 'team/web': ['v1'] }],
    ['one of several', { tags: ['2$', 'main'] }, { 'team/app': ['v2'], 'team/web': ['main'] }],
    ['the newest', { tags: ['^v'], newest: 1 }, { other: ['v9'], 'team/app': ['v2'], 'team/web': ['v1'] }],
    ['a list', { repositoryList: ['team/web', 'other'] }, { other: ['v9'], 'team/web': ['main', 'v1'] }],
    ['a list and a pattern', { repositoryList: ['team/web', 'other'], repositories: ['o*'] }, { other: ['v9'] }],
  ])('are chosen by %s', async (_name, selection, images) => {
    expect((await list({ tags: TAGS }, from(selection))).images).toEqual(images);
  });

  it.each([
    { repositories: ['team/app'] },
    { repositories: ['team/app'], repositoryList: ['other'] },
    { repositories: ['team/*'], repositoryList: ['team/app'] },
  ])('need no catalogue: %j', async (selection) => {
    expect((await list({ tags: TAGS }, from(selection))).asked).toEqual(['team/app']);
  });

  it('are named if the catalogue has them without tags: a registry may hide tags by a 404', async () => {
    const { images, events } = await list(
      { tags: { ...TAGS, empty: [] }, catalogue: ['team/app', 'empty', 'hidden'] },
      from({}),
    );
    expect(Object.keys(images)).toEqual(['team/app']);
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
    expect(notes).toEqual([expect.stringMatching(/2 .*r\.example\/(?:empty|hidden)/)]);
  });

  it('are not signatures and lists of referrers, which are known all the same', async () => {
    const tags = [
      `sha256-${HEX}.other`,
      `sha256-${HEX}.sig`,
      `sha256-${HEX}.att`,
      `sha256-${HEX}.sbom`,
      `sha256-${HEX}`,
      'v1',
      'sha256-short',
    ];
    const found = await list({ tags: { app: tags } }, from());
    expect(found.images).toEqual({ app: [`sha256-${HEX}.other`, 'sha256-short', 'v1'] });
  });

  it('are none of repositories whose content is gone', async () => {
    const catalogue = ['gone', 'empty', 'other'];
    const { images } = await list({ tags: { ...TAGS, empty: [] }, catalogue }, from());
    expect(images).toEqual({ other: ['v9'] });
  });

  it('of Docker Hub have its names', async () => {
    const options = { registries: [{ registry: 'docker.io', repositories: ['nginx'], tags: [] }] };
    const { images } = await list({ tags: { 'library/nginx': ['1'] } }, options);
    expect(images).toEqual({ 'library/nginx': ['1'] });
  });

  it('are listed once, from whatever they come', async () => {
    const repository = { registry: HOST, path: 'team/app' };
    const { images, asked } = await list(
      { tags: TAGS },
      {
        images: [
          `${HOST}/team/app:old`,
          `${HOST}/team/app:v1`,
          `${HOST}/team/app:x@${DIGEST}`,
          `${HOST}/team/app@${DIGEST}`,
        ],
        registries: [
          { registry: HOST, repositories: ['team/app'], tags: ['^v1'] },
          { registry: HOST, repositories: ['team/app'], tags: ['^l'] },
        ],
        repositories: [{ repository, lookups: ['v1', 'old2'] }],
      },
    );
    expect(images).toEqual({ 'team/app': ['latest', 'old', 'old2', DIGEST, 'v1', `x@${DIGEST}`].sort() });
    expect(asked).toEqual(['team/app']);
    const lookups = images['team/app'] ?? [];
    expect(lookups.map((lookup) => referenceOf(repository, lookup))).toContainEqual({
      ...repository,
      tag: 'x',
      digest: DIGEST,
    });
  });

  it('of a shard are those of its repositories, and only their tags are asked for', async () => {
    const tags = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`team/app-${i}`, ['v1']]));
    const options = from({ tags: ['^v'] });
    const shards = await Promise.all(
      [0, 1, 2].map((index) => list({ tags }, { ...options, shard: { index, count: 3 } })),
    );
    expect(shards.flatMap(({ images }) => Object.keys(images)).sort()).toEqual(Object.keys(tags).sort());
    for (const { images, asked } of shards) expect(asked.slice(1).sort()).toEqual(Object.keys(images));
  });
});

describe('a selection that matches nothing', () => {
  it.each<[string, Parameters<typeof from>[0], string]>([
    ['a pattern', { repositories: ['team/*', 'tema/*'] }, 'tema/*'],
    ['a regular expression', { tags: ['^v', '^w'] }, '^w'],
    ['a pattern of a list', { repositories: ['x*'], repositoryList: ['other'] }, 'x*'],
  ])('is an error that names it: %s', async (_name, selection, name) => {
    await expect(list({ tags: TAGS }, from(selection))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(name),
    });
  });

  it('is an error that names the field of a file', async () => {
    const repository = { registry: HOST, path: 'other' };
    const rules = { tags: [], versions: '>= 10', origin: 'images-by-semver of other:' };
    const options = { repositories: [{ repository, lookups: [], rules }] };
    await expect(list({ tags: { other: ['v9'] } }, options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('images-by-semver of other'),
    });
  });

  it('is none in a shard, which sees a part', async () => {
    const options = { ...from({ tags: ['^w'] }), shard: { index: 0, count: 2 } };
    expect((await list({ tags: TAGS }, options)).images).toEqual({});
  });

  it.each<[string, Setting, string]>([
    ['an empty catalogue', { tags: {}, catalogue: [] }, 'unsupported'],
    [
      'a hidden one',
      { tags: {}, catalogue: new AirgapError('forbidden', 'no', { hint: '--repositories' }) },
      'forbidden',
    ],
  ])('because of %s says what to do', async (_name, setting, code) => {
    const outcome = list(setting, from({ repositories: ['team/*'] }));
    await expect(outcome).rejects.toMatchObject({ code, hint: expect.stringContaining('--repositories') });
  });

  it.each(['missing', 'empty'])('because the named repository is %s', async (path) => {
    const outcome = list({ tags: { empty: [] } }, from({ repositories: [path] }));
    await expect(outcome).rejects.toMatchObject({ code: 'image-not-found', message: expect.stringContaining(path) });
  });

  it.each(['Team/App', 'team/app:v1', '../x', `a@${DIGEST}`, 'other.example:5000/a'])(
    'because of its name: %s',
    async (name) => {
      await expect(list({ tags: TAGS }, from({ repositories: [name] }))).rejects.toMatchObject({
        code: 'reference-invalid',
      });
      await expect(list({ tags: TAGS }, from({ repositoryList: [name] }))).rejects.toMatchObject({
        code: 'reference-invalid',
      });
    },
  );
});

describe('errors of several repositories', () => {
  it('are all reported', async () => {
    const denied = (name: string) => new AirgapError('forbidden', 'denied', { subject: name });
    const tags = { a: denied('a'), b: ['v1'], c: denied('c') };
    const error: unknown = await list({ tags }, from()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'several' });
    expect((error as AirgapError).causes.map(({ parts }) => parts.subject)).toEqual(['a', 'c']);
  });
});

it('stops when it is interrupted', async () => {
  const options = from({ repositories: ['other'] });
  const stopped = list({ tags: TAGS, signal: AbortSignal.abort() }, options);
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
});

it('tells once how many tags are no versions', async () => {
  const { events } = await list({ tags: TAGS }, from({ newest: 1 }));
  const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('2 tags');
});
