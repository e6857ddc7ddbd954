import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { type AirgapEvent, ignoreEvents } from '../../../../src/base/events.ts';
import type { ManifestContent } from '../../../../src/oci/content.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { type Digest, digestOf } from '../../../../src/oci/digest.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import type { Reference, Repository } from '../../../../src/oci/reference.ts';
import { copy } from '../../../../src/transfer/copy.ts';
import type { ExistingTag } from '../../../../src/transfer/destinations.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { assertNoSignatureConflicts } from '../../../../src/transfer/referrers/groups.ts';
import {
  pushReferrers,
  type ReferrerOutcome,
  type ReferrersPushResult,
} from '../../../../src/transfer/referrers/push.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, SBOM, tagOf } from '../../../support/referrers.ts';

const target = (source: Reference): Reference => ({ ...source, registry: 'private.example', path: `m/${source.path}` });
const THERE = 'private.example/m/a';

/** Returns an image with a referrer of each kind, in the order in which they have to be pushed. */
function source() {
  const registry = new MemoryRegistry();
  registry.listsReferrers = true;
  const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
  const sbom = addReferrer(registry, 'quay.io/a', image, SBOM, { 'org.example.by': 'tests' });
  const signed = addReferrer(registry, 'quay.io/a', sbom, 'application/vnd.signature');
  const tagged = addTagged(registry, 'quay.io/a', image);
  return { registry, image, sbom, signed, tagged };
}

async function graphOf(registry: MemoryRegistry): Promise<Graph> {
  const steps = { concurrency: 4, emit: ignoreEvents };
  const walker = new Walker(registry, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1'));
  await new ReferrerCollector(registry, walker, steps).collect(walker.graph().roots);
  return walker.graph();
}

interface Pushed extends ReferrersPushResult {
  readonly warnings: readonly string[];
  readonly pushed: number;
  readonly present: number;
}

const now = (): Date => new Date('2026-01-02T03:04:05.000Z');

/** Returns the outcome of each referrer, by digest. */
function fates({ outcomes }: ReferrersPushResult): Record<string, string> {
  return Object.fromEntries(
    outcomes.map(({ referrer, via, status }) => [referrer.descriptor.digest, `${status} ${via}`]),
  );
}

async function push(from: MemoryRegistry, to: MemoryRegistry, existing: ExistingTag = 'error'): Promise<Pushed> {
  const graph = await graphOf(from);
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => void (event.type === 'warning' && warnings.push(event.message));
  const options = { target, concurrency: 4, emit, existing, now };
  await copy(graph, from, to, options);
  to.log.length = 0;
  const result = await pushReferrers(graph, graph.referrers ?? [], from, to, options);
  const of = (status: ReferrerOutcome['status']): number =>
    result.outcomes.filter((one) => one.status === status).length;
  return { ...result, warnings, pushed: of('pushed'), present: of('present') };
}

function listed(registry: MemoryRegistry, subject: Digest): Descriptor[] {
  const digest = registry.tags.get(`${THERE}:${tagOf(subject)}`);
  const content = registry.manifests.get(`${THERE}@${digest}`);
  return content === undefined ? [] : JSON.parse(Buffer.from(content.bytes).toString()).manifests;
}

describe('referrers', () => {
  it('are pushed by digest after their subjects, and cosign’s by tag', async () => {
    const { registry, image, sbom, signed, tagged } = source();
    const to = new MemoryRegistry();
    to.listsReferrers = true;
    const result = await push(registry, to);
    expect(result).toMatchObject({ failures: [], warnings: [] });
    expect(fates(result)).toEqual({
      [tagged.digest]: 'pushed cosign-tag',
      [sbom.digest]: 'pushed referrers-api',
      [signed.digest]: 'pushed referrers-api',
    });
    expect(result.outcomes[0]).toMatchObject({ repository: { path: 'm/a' }, at: now() });
    const puts = to.log.filter((line) => /^PUT \S+ (?:sha256:|\S+\.sig)/.test(line));
    expect(puts.indexOf(`PUT ${THERE} ${sbom.digest}`)).toBeLessThan(puts.indexOf(`PUT ${THERE} ${signed.digest}`));
    expect(to.tags.get(`${THERE}:${tagOf(image.digest, 'sig')}`)).toBe(tagged.digest);
    expect([...to.tags.keys()].sort()).toEqual([`${THERE}:1`, `${THERE}:${tagOf(image.digest, 'sig')}`]);
    expect(await push(registry, to)).toMatchObject({ pushed: 0, present: 3, failures: [] });
    expect(to.log.filter((line) => line.startsWith('PUT'))).toEqual([]);
  });

  it('are added to the referrers tag if there is no API', async () => {
    const { registry, image, sbom, signed } = source();
    const to = new MemoryRegistry();
    const own = { ...to.addImage(THERE, undefined, [noise('own', 10)]), artifactType: 'x/y' };
    const missing = { ...own, digest: `sha256:${'1'.repeat(64)}` };
    to.addIndex(THERE, tagOf(image.digest), [own, missing]);
    const result = await push(registry, to);
    expect(result).toMatchObject({ pushed: 3, failures: [] });
    expect(fates(result)).toMatchObject({
      [sbom.digest]: 'pushed fallback-tag',
      [signed.digest]: 'pushed fallback-tag',
    });
    expect(listed(to, image.digest)).toEqual([
      own,
      { ...sbom, artifactType: SBOM, annotations: { 'org.example.by': 'tests' } },
    ]);
    expect(listed(to, sbom.digest).map(({ digest }) => digest)).toEqual([signed.digest]);
    expect(await push(registry, to)).toMatchObject({ pushed: 0, present: 3, failures: [] });
    expect(listed(to, image.digest)).toHaveLength(2);
  });

  it.each(['an image', 'the index itself, as GitLab has it'])(
    'are pushed but unlisted if the referrers tag holds %s',
    async (what) => {
      const registry = new MemoryRegistry();
      registry.listsReferrers = true;
      const image = registry.addImage('quay.io/a', undefined, [noise('a', 50)]);
      const index = registry.addIndex('quay.io/a', '1', [image]);
      const sbom = addReferrer(registry, 'quay.io/a', index);
      const to = new MemoryRegistry();
      const tag = tagOf(index.digest);
      const other = what === 'an image' ? to.addImage(THERE, tag, [noise('other', 10)]) : index;
      to.tags.set(`${THERE}:${tag}`, other.digest);
      const result = await push(registry, to);
      expect(result.failures).toEqual([]);
      expect(result.outcomes).toMatchObject([{ status: 'pushed', via: 'unlisted', error: { name: 'AirgapError' } }]);
      expect(to.manifests.has(`${THERE}@${sbom.digest}`)).toBe(true);
      expect(to.tags.get(`${THERE}:${tag}`)).toBe(other.digest);
      expect(to.log.filter((line) => line.startsWith('PUT') && line.includes(tag))).toEqual([]);
    },
  );

  it('keep or overwrite another signature, or fail, as configured', async () => {
    const { registry, image, tagged } = source();
    const to = new MemoryRegistry();
    const tag = `${THERE}:${tagOf(image.digest, 'sig')}`;
    const older = to.addImage(THERE, tagOf(image.digest, 'sig'), [noise('older', 10)]);
    const { failures, pushed } = await push(registry, to);
    expect(failures).toMatchObject([{ code: 'tag-conflict', message: expect.stringContaining(older.digest) }]);
    expect(pushed).toBe(1);
    const skipped = await push(registry, to, 'skip');
    const { warnings } = skipped;
    expect(skipped.outcomes).toContainEqual(
      expect.objectContaining({ via: 'cosign-tag', status: 'kept', digest: older.digest }),
    );
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`private\\.example/m/a:sha256-\\w+\\.sig .*${older.digest}`)),
    ]);
    expect(to.tags.get(tag)).toBe(older.digest);
    expect(await push(registry, to, 'overwrite')).toMatchObject({ failures: [], warnings: [] });
    expect(to.tags.get(tag)).toBe(tagged.digest);
  });

  it('conflict with another signature before anything is sent, and need no second request', async () => {
    const { registry, image, tagged } = source();
    const graph = await graphOf(registry);
    const to = new MemoryRegistry();
    const name = `${THERE}:${tagOf(image.digest, 'sig')}`;
    const older = to.addImage(THERE, tagOf(image.digest, 'sig'), [noise('older', 10)]);
    const options = { target, concurrency: 4, emit: ignoreEvents, existing: 'error' as const, now };
    const check = () => assertNoSignatureConflicts(graph.referrers ?? [], to, options);
    await expect(check()).rejects.toMatchObject({
      code: 'tag-conflict',
      message: expect.stringMatching(`${name} .*${older.digest}`),
    });
    to.tags.delete(name);
    expect([...(await check())]).toEqual([]);
    await copy(graph, registry, to, options);
    await pushReferrers(graph, graph.referrers ?? [], registry, to, options);
    const seen = await check();
    expect([...seen]).toEqual([[name, tagged.digest]]);
    to.log.length = 0;
    await pushReferrers(graph, graph.referrers ?? [], registry, to, { ...options, knownTags: seen });
    expect(to.log.filter((line) => line.includes('.sig'))).toEqual([]);
  });

  it.each(['unsupported', 'registry', 'forbidden', 'image-not-found', 'unauthorized'] as const)(
    'are refused individually by the registry (%s)',
    async (code) => {
      const { registry, image, sbom } = source();
      const to = new MemoryRegistry();
      to.listsReferrers = true;
      const put = to.putManifest.bind(to);
      to.putManifest = async (repository: Repository, content: ManifestContent, tag?: string) => {
        if (content.descriptor.digest === sbom.digest) throw new AirgapError(code, 'answers so');
        return put(repository, content, tag);
      };
      const result = await push(registry, to);
      const { outcomes, pushed, failures } = result;
      expect(fates(result)[sbom.digest]).toBe('refused referrers-api');
      expect(outcomes.find(({ status }) => status === 'refused')?.error?.message).toBe('answers so');
      expect([pushed, failures]).toEqual([2, []]);
      expect(to.tags.has(`${THERE}:${tagOf(image.digest, 'sig')}`)).toBe(true);
    },
  );

  it('fail if the registry throttles, fails or is full, so that another run can complete them', async () => {
    const { registry, image, sbom } = source();
    const busy = new AirgapError('registry', 'answers 503', { isTransient: true });
    const failing = async (change: (to: MemoryRegistry) => void) => {
      const to = new MemoryRegistry();
      change(to);
      expect((await push(registry, to)).failures).toMatchObject([{ code: 'registry', message: /answers 503/ }]);
      return to;
    };
    const refusing = (requested: (content: ManifestContent, tag?: string) => boolean) => (to: MemoryRegistry) => {
      const put = to.putManifest.bind(to);
      to.putManifest = async (repository: Repository, content: ManifestContent, tag?: string) => {
        if (requested(content, tag)) throw busy;
        return put(repository, content, tag);
      };
    };
    await failing(refusing(({ descriptor }) => descriptor.digest === sbom.digest));
    await failing(refusing((_, tag) => tag === tagOf(image.digest)));
    await failing((to) => {
      const has = to.hasManifest.bind(to);
      to.hasManifest = async (repository: Repository, tag: string) => {
        if (tag.endsWith('.sig')) throw busy;
        return has(repository, tag);
      };
    });
  });

  it('fail without an answer', async () => {
    const { registry, sbom } = source();
    const to = new MemoryRegistry();
    const put = to.putManifest.bind(to);
    to.putManifest = async (repository: Repository, content: ManifestContent, tag?: string) => {
      if (content.descriptor.digest === sbom.digest) throw new AirgapError('network', 'closed the connection');
      return put(repository, content, tag);
    };
    expect((await push(registry, to)).failures).toMatchObject([{ code: 'network' }]);
  });

  it('are refused if cosign’s tag cannot be read', async () => {
    const { registry } = source();
    const to = new MemoryRegistry();
    const has = to.hasManifest.bind(to);
    to.hasManifest = async (repository: Repository, tag: string) => {
      if (tag.endsWith('.sig')) throw new AirgapError('registry', 'answers 400');
      return has(repository, tag);
    };
    const { outcomes, failures } = await push(registry, to);
    expect(failures).toEqual([]);
    expect(outcomes.filter(({ status }) => status === 'refused').map(({ via }) => via)).toEqual(['cosign-tag']);
  });

  it('are sent once if two source repositories map to one target', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    for (const name of ['quay.io/a', 'quay.io/b']) {
      const image = registry.addImage(name, '1', [noise('same', 50)]);
      addReferrer(registry, name, image);
    }
    const steps = { concurrency: 4, emit: ignoreEvents };
    const walker = new Walker(registry, { ...steps, platforms: [] });
    await walker.add(references('quay.io/a:1', 'quay.io/b:1'));
    await new ReferrerCollector(registry, walker, steps).collect(walker.graph().roots);
    const to = new MemoryRegistry();
    const options = {
      ...steps,
      existing: 'error' as const,
      now,
      target: (source: Reference) => ({ ...source, path: 'm' }),
    };
    await copy(walker.graph(), registry, to, options);
    const { outcomes } = await pushReferrers(walker.graph(), walker.graph().referrers ?? [], registry, to, options);
    expect(outcomes.map(({ status }) => status)).toEqual(['pushed']);
  });

  it.each(['registry', 'network'] as const)(
    'are listed under the referrers tag if the API fails (%s), which is tried once',
    async (code) => {
      const { registry, image, sbom, signed } = source();
      const to = new MemoryRegistry();
      let requests = 0;
      to.referrers = async () => {
        requests++;
        throw new AirgapError(code, 'answers 500');
      };
      const result = await push(registry, to);
      expect(result.failures).toEqual([]);
      expect([fates(result)[sbom.digest], fates(result)[signed.digest]]).toEqual(Array(2).fill('pushed fallback-tag'));
      expect(listed(to, image.digest).map(({ digest }) => digest)).toEqual([sbom.digest]);
      expect(requests).toBe(1);
    },
  );

  it('are listed under the referrers tag if the API does not list them', async () => {
    const { registry, image, sbom } = source();
    const to = new MemoryRegistry();
    to.referrers = async () => [];
    const result = await push(registry, to);
    expect(result.failures).toEqual([]);
    expect(fates(result)[sbom.digest]).toBe('pushed fallback-tag');
    expect(listed(to, image.digest).map(({ digest }) => digest)).toEqual([sbom.digest]);
  });

  it('fail if they cannot be read back', async () => {
    const { registry, sbom } = source();
    const to = new MemoryRegistry();
    to.referrers = async () => [];
    const put = to.putManifest.bind(to);
    to.putManifest = async (repository: Repository, content: ManifestContent, tag?: string) => {
      if (content.descriptor.digest !== sbom.digest) await put(repository, content, tag);
    };
    const { failures } = await push(registry, to);
    expect(failures).toMatchObject([{ code: 'digest-mismatch', message: expect.stringContaining(sbom.digest) }]);
  });

  it('get a blob again that the registry has lost', async () => {
    const { registry, sbom } = source();
    const to = new MemoryRegistry();
    to.listsReferrers = true;
    const put = to.putBlob.bind(to);
    let lost = 0;
    to.putBlob = async (repository, descriptor, body, options) => {
      const how = await put(repository, descriptor, body, options);
      if (descriptor.mediaType === SBOM && lost++ === 0) to.blobs.delete(`${THERE}@${descriptor.digest}`);
      return how;
    };
    const result = await push(registry, to);
    expect(result.failures).toEqual([]);
    expect(fates(result)[sbom.digest]).toBe('pushed referrers-api');
  });

  it('have their blobs uploaded at the same time', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const types = ['application/one', 'application/two'];
    for (const type of types) addReferrer(registry, 'quay.io/a', image, type);
    const to = new MemoryRegistry();
    const put = to.putBlob.bind(to);
    const both = Promise.withResolvers<void>();
    let underWay = 0;
    // Answers only when the blobs of both referrers are under way.
    to.putBlob = async (repository, descriptor, body, options) => {
      if (types.includes(descriptor.mediaType)) {
        if (++underWay === 2) both.resolve();
        const alone = setTimeout(2_000).then(() => Promise.reject(new AirgapError('network', 'one after the other')));
        await Promise.race([both.promise, alone]);
      }
      return put(repository, descriptor, body, options);
    };
    expect(await push(registry, to)).toMatchObject({ pushed: 2, failures: [] });
  });

  it('fail one by one, and the others of the image are listed', async () => {
    const registry = new MemoryRegistry();
    registry.listsReferrers = true;
    const image = registry.addImage('quay.io/a', '1', [noise('a', 50)]);
    const good = addReferrer(registry, 'quay.io/a', image, 'application/good');
    const bad = addReferrer(registry, 'quay.io/a', image, 'application/bad');
    const to = new MemoryRegistry();
    const put = to.putManifest.bind(to);
    to.putManifest = async (repository, content, tag) => {
      if (content.descriptor.digest === bad.digest) throw new AirgapError('network', 'closed the connection');
      return put(repository, content, tag);
    };
    const result = await push(registry, to);
    expect(result.failures).toMatchObject([
      { code: 'network', message: `referrers of ${THERE}@${image.digest}: closed the connection` },
    ]);
    expect(listed(to, image.digest).map(({ digest }) => digest)).toEqual([good.digest]);
  });

  describe('of several repositories', () => {
    const names = ['quay.io/a', 'quay.io/b', 'quay.io/c'];
    const empty = digestOf(Buffer.from('{}'));

    /** Pushes the referrers of three images, all of which have the same config. */
    async function pushThree(to: MemoryRegistry): Promise<{ result: ReferrersPushResult; events: AirgapEvent[] }> {
      const registry = new MemoryRegistry();
      registry.listsReferrers = true;
      for (const name of names) addReferrer(registry, name, registry.addImage(name, '1', [noise(name, 50)]));
      const steps = { concurrency: 4, emit: ignoreEvents };
      const walker = new Walker(registry, { ...steps, platforms: [] });
      await walker.add(references(...names.map((name) => `${name}:1`)));
      await new ReferrerCollector(registry, walker, steps).collect(walker.graph().roots);
      const graph = walker.graph();
      const options = { ...steps, target, existing: 'error' as const, now };
      await copy(graph, registry, to, options);
      to.log.length = 0;
      const events: AirgapEvent[] = [];
      const emit = (event: AirgapEvent): void => void events.push(event);
      return { result: await pushReferrers(graph, graph.referrers ?? [], registry, to, { ...options, emit }), events };
    }

    it('have a shared blob uploaded once and mounted, and all their bytes in the progress', async () => {
      const to = new MemoryRegistry();
      to.listsReferrers = true;
      const { result, events } = await pushThree(to);
      expect(result.failures).toEqual([]);
      expect(result.outcomes.map(({ status }) => status)).toEqual(Array(3).fill('pushed'));
      const lines = to.log.filter((line) => line.endsWith(empty) && !line.startsWith('HEAD'));
      expect(lines.map((line) => line.split(' ')[0])).toEqual(['PUT', 'MOUNT', 'MOUNT']);
      const planned = events.flatMap((event) => (event.type === 'plan' ? event.blobs.map(({ bytes }) => bytes) : []));
      const received = events.flatMap((event) => (event.type === 'bytes' ? [event.bytes] : []));
      const sum = (sizes: readonly number[]): number => sizes.reduce((all, size) => all + size, 0);
      expect(sum(planned)).toBe(3 * 300 + 2);
      expect(sum(received)).toBe(sum(planned));
      expect(events.filter((event) => event.type === 'blob' && event.status === 'done')).toHaveLength(4);
      expect(events.filter(({ type }) => type === 'image')).toEqual([]);
    });

    it('are refused one by one, also if the first repository refuses a shared blob', async () => {
      const to = new MemoryRegistry();
      to.listsReferrers = true;
      const put = to.putBlob.bind(to);
      to.putBlob = async (repository, descriptor, body, options) => {
        if (repository.path === 'm/a' && descriptor.digest === empty) throw new AirgapError('forbidden', 'answers 403');
        return put(repository, descriptor, body, options);
      };
      const { result } = await pushThree(to);
      expect(result.failures).toEqual([]);
      expect(result.outcomes.map(({ repository, status }) => `${repository.path} ${status}`)).toEqual([
        'm/a refused',
        'm/b pushed',
        'm/c pushed',
      ]);
      expect(result.outcomes[0]?.error?.message).toBe('answers 403');
    });
  });
});
