import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { type AirgapEvent, ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatReference, type Repository, tryParseRepository } from '../../../../src/oci/reference.ts';
import { compareImages } from '../../../../src/workflows/mirror/compare.ts';
import { TagLists } from '../../../../src/workflows/mirror/tag-lists.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, tagOf } from '../../../support/referrers.ts';

const target = parseTarget('private.example/m', 'host-path');
const other = parseTarget('other.example', 'host-path');
const repository = tryParseRepository('quay.io/a') as Repository;

/** A source and a target that has the same image. */
function registries() {
  const [source, sink] = [new MemoryRegistry(), new MemoryRegistry()];
  source.listsReferrers = true;
  sink.listsReferrers = true;
  const image = source.addImage('quay.io/a', '1', [noise('a', 50)]);
  sink.addImage('private.example/m/quay.io/a', '1', [noise('a', 50)]);
  return { source, sink, image };
}

function compare(
  { source, sink }: { source: MemoryRegistry; sink: MemoryRegistry },
  lookups: readonly string[] = ['1'],
  {
    targets = [target],
    allTags = undefined as ReadonlySet<string> | undefined,
    emit = ignoreEvents,
    hasMirrors = false,
  } = {},
) {
  const tags = async () => new Set([...source.tags.keys()].map((name) => name.slice('quay.io/a:'.length)));
  const listed = [{ repository, lookups, ...(allTags && { allTags }) }];
  return compareImages(
    listed,
    { source, sink, targets, tagLists: new TagLists({ tags, hasMirrors: () => hasMirrors }, listed) },
    { referrers: true, concurrency: 4, emit },
  );
}

const names = ({ changed }: { changed: readonly Parameters<typeof formatReference>[0][] }) =>
  changed.map(formatReference);

describe('comparing tags', () => {
  it('takes one HEAD on each side and one question for referrers', async () => {
    const both = registries();
    const { changed, unchanged } = await compare(both);
    expect(changed).toEqual([]);
    expect(unchanged.get(target)?.map(({ status, digest }) => [status, digest])).toEqual([
      ['present', both.image.digest],
    ]);
    expect(both.source.log).toEqual(['HEAD quay.io/a 1', `LIST quay.io/a ${both.image.digest}`]);
    expect(both.sink.log).toEqual(['HEAD private.example/m/quay.io/a 1']);
  });

  it('does not ask the source for a tag whose digest the list or plan has', async () => {
    const both = registries();
    const { changed } = await compare(both, [`1@${both.image.digest}`]);
    expect(changed).toEqual([]);
    expect(both.source.log).toEqual([`LIST quay.io/a ${both.image.digest}`]);
    expect(both.sink.log).toEqual(['HEAD private.example/m/quay.io/a 1']);
    const moved = both.source.addImage('quay.io/a', '1', [noise('b', 50)]).digest;
    expect(names(await compare(both, [`1@${moved}`]))).toEqual([`quay.io/a:1@${moved}`]);
  });

  it('finds tags that a target lacks or has with another digest', async () => {
    const both = registries();
    both.source.addImage('quay.io/a', '2', [noise('b', 50)]);
    both.source.addImage('quay.io/a', '1', [noise('c', 50)]);
    const { changed, knownTags } = await compare(both, ['1', '2']);
    expect(changed.map(formatReference)).toEqual(['quay.io/a:1', 'quay.io/a:2']);
    expect([...knownTags].map(([name, digest]) => [name, digest !== undefined])).toEqual([
      ['private.example/m/quay.io/a:1', true],
      ['private.example/m/quay.io/a:2', false],
    ]);
  });

  it('takes an image as changed if one of several targets lacks it', async () => {
    const both = registries();
    expect(names(await compare(both, ['1'], { targets: [target, other] }))).toEqual(['quay.io/a:1']);
  });

  it('reports a named tag that does not exist, and warns of a listed one that was deleted', async () => {
    const both = registries();
    const events: AirgapEvent[] = [];
    const emit = (event: AirgapEvent) => void events.push(event);
    const { unread } = await compare(both, ['1', 'gone']);
    expect(unread.map(({ error }) => [error.code, error.parts.subject])).toEqual([
      ['image-not-found', 'quay.io/a:gone'],
    ]);
    const listed = await compare(both, ['1', 'gone'], { allTags: new Set(['1', 'gone']), emit });
    expect(listed.unread).toEqual([]);
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
  });

  it('reports listed tags if the registry has none of them in a repository', async () => {
    const both = registries();
    const { unread, unchanged } = await compare(both, ['gone'], { allTags: new Set(['gone']) });
    expect(unread.map(({ error }) => error.code)).toEqual(['image-not-found']);
    expect(unchanged.get(target)).toEqual([]);
  });

  it('collects the errors of single images', async () => {
    const both = registries();
    const head = both.source.head.bind(both.source);
    both.source.head = async (from, tag) => {
      if (tag === '2') throw new AirgapError('forbidden', 'answers 403');
      return head(from, tag);
    };
    const { unread, unchanged } = await compare(both, ['1', '2']);
    expect(unread.map(({ error }) => error.code)).toEqual(['forbidden']);
    expect(unchanged.get(target)).toHaveLength(1);
  });
});

describe('comparing referrers', () => {
  it('finds an image with a new referrer', async () => {
    const both = registries();
    addReferrer(both.source, 'quay.io/a', both.image);
    expect(names(await compare(both))).toEqual(['quay.io/a:1']);
  });

  it('takes an image whose referrers the target lists as unchanged', async () => {
    const both = registries();
    addReferrer(both.source, 'quay.io/a', both.image);
    addReferrer(both.sink, 'private.example/m/quay.io/a', both.image);
    expect(names(await compare(both))).toEqual([]);
  });

  it("compares cosign's tags on both sides", async () => {
    const both = registries();
    addTagged(both.source, 'quay.io/a', both.image);
    expect(names(await compare(both))).toEqual(['quay.io/a:1']);
    addTagged(both.sink, 'private.example/m/quay.io/a', both.image);
    expect(names(await compare(both))).toEqual([]);
    both.source.addImage('quay.io/a', tagOf(both.image.digest, 'sig'), [noise('signed again', 50)]);
    expect(names(await compare(both))).toEqual(['quay.io/a:1']);
  });

  it("does not conclude from the tag list of a cache that one of cosign's tags does not exist", async () => {
    const both = registries();
    addTagged(both.source, 'quay.io/a', both.image);
    const allTags = new Set(['1']);
    expect(names(await compare(both, ['1'], { allTags, hasMirrors: true }))).toEqual(['quay.io/a:1']);
    expect(names(await compare(both, ['1'], { allTags }))).toEqual([]);
  });

  it('reads the referrers tag of a registry without the referrers API', async () => {
    const both = registries();
    both.source.listsReferrers = false;
    const sbom = addReferrer(both.source, 'quay.io/a', both.image);
    both.source.addIndex('quay.io/a', tagOf(both.image.digest), [sbom]);
    expect(names(await compare(both))).toEqual(['quay.io/a:1']);
    addReferrer(both.sink, 'private.example/m/quay.io/a', both.image);
    expect(names(await compare(both))).toEqual([]);
  });

  it('takes an image as changed if the registry does not answer for referrers', async () => {
    const both = registries();
    both.source.referrers = async () => {
      throw new AirgapError('registry', 'answers 500');
    };
    expect(names(await compare(both))).toEqual(['quay.io/a:1']);
  });
});
