import { describe, expect, it } from 'vitest';
import type { PruneEntry } from '../../../../src/inventory/prune-list.ts';
import { type Descriptor, MediaType } from '../../../../src/oci/descriptor.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { formatRepository } from '../../../../src/oci/reference.ts';
import { cosignTags, referrersTag } from '../../../../src/oci/referrer.ts';
import { candidatesOf } from '../../../../src/workflows/prune/candidates.ts';
import { type DeletionRun, deleteInRepository } from '../../../../src/workflows/prune/delete-repository.ts';
import { judgeRepository } from '../../../../src/workflows/prune/judge-repository.ts';
import { EcrRemover, RegistryRemover } from '../../../../src/workflows/prune/remover.ts';
import type { KeepRoots } from '../../../../src/workflows/prune/staying.ts';
import { DeletableRegistry, TAG_DELETIONS } from '../../../support/deletable-registry.ts';
import fc from '../../../support/property.ts';

const repository = { registry: 'r.example', path: 'm/quay.io/app' };
const NAME = formatRepository(repository);
const NOW = new Date('2026-01-01T00:00:00.000Z');
const NOTHING: KeepRoots = { tags: new Map(), digests: new Map(), needed: new Map() };

/** A step that adds to the registry; numbers choose among what is there. */
const step = fc.record({
  kind: fc.constantFrom('image', 'index', 'tag', 'referrer', 'list', 'cosign', 'index-referrer'),
  a: fc.nat(1000),
  b: fc.nat(1000),
});

const world = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  keptTags: fc.array(fc.nat(30), { maxLength: 4 }),
  keptDigests: fc.array(fc.nat(30), { maxLength: 2 }),
  needed: fc.array(fc.nat(30), { maxLength: 1 }),
  api: fc.boolean(),
  isEcr: fc.boolean(),
  tagDeletion: fc.constantFrom(...TAG_DELETIONS),
  /** Lines that a person deletes from the list. */
  removed: fc.array(fc.nat(60), { maxLength: 4 }),
  /** What others do between the list and the deletion. */
  meanwhile: fc.array(step, { maxLength: 3 }),
  /** Deletions that fail, by their number. */
  failing: fc.array(fc.nat(20), { maxLength: 2 }),
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;
type Step = World['steps'][number];

function apply(registry: DeletableRegistry, { kind, a, b }: Step, seed: number): void {
  const digests = registry.digests(repository);
  const at = (n: number): Digest | undefined => digests[n % Math.max(1, digests.length)];
  const described = (digest: Digest): Descriptor =>
    registry.manifests.get(`${NAME}@${digest}`)?.descriptor as Descriptor;
  const [one, other] = [at(a), at(b)];
  if (kind === 'image' || one === undefined || other === undefined) {
    registry.addImage(NAME, a % 4 === 0 ? undefined : `v${a % 9}`, [Buffer.from(`${seed} ${a}`)]);
    return;
  }
  const config = registry.addBlob(NAME, MediaType.empty, Buffer.from('{}'));
  const artifact = { schemaVersion: 2, mediaType: MediaType.ociManifest, artifactType: 'x/y', config, layers: [] };
  const extra = { annotations: { n: String(seed) } };
  if (kind === 'index')
    registry.addIndex(NAME, b % 3 === 0 ? undefined : `i${b % 5}`, [described(one), described(other)], extra);
  if (kind === 'tag') registry.tags.set(`${NAME}:t${b % 6}`, one);
  if (kind === 'referrer') {
    const tag = b % 4 === 0 ? `r${b}` : undefined;
    registry.addManifest(NAME, { ...artifact, subject: described(one), ...extra }, MediaType.ociManifest, tag);
  }
  if (kind === 'index-referrer')
    registry.addIndex(NAME, undefined, [described(other)], { subject: described(one), ...extra });
  if (kind === 'list') {
    const referrers = digests.filter((digest) => subjectOf(registry, digest) === one);
    registry.addIndex(NAME, referrersTag(one), referrers.map(described));
  }
  if (kind === 'cosign')
    registry.addManifest(NAME, { ...artifact, ...extra }, MediaType.ociManifest, cosignTags(one)[b % 3]);
}

interface Links {
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

function linksOf(registry: DeletableRegistry, digest: Digest): Links {
  const bytes = registry.manifests.get(`${NAME}@${digest}`)?.bytes;
  return bytes === undefined ? {} : (JSON.parse(Buffer.from(bytes).toString()) as Links);
}

function subjectOf(registry: DeletableRegistry, digest: Digest): Digest | undefined {
  return linksOf(registry, digest).subject?.digest;
}

/** What the registry has: tags with digests, and manifests. A second opinion, without code of src/workflows/prune. */
function stateOf(registry: DeletableRegistry): { tags: Map<string, Digest>; digests: Set<Digest> } {
  const prefix = `${NAME}:`;
  const tags = [...registry.tags].flatMap(([key, digest]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), digest] as const] : [],
  );
  return { tags: new Map(tags), digests: new Set(registry.digests(repository)) };
}

/**
 * Everything that is pulled with some manifests: below them, cosign's artifacts, and what refers to them with a subject, if the
 * registry tells.
 */
function pulledWith(registry: DeletableRegistry, roots: Iterable<Digest>): Set<Digest> {
  const { tags, digests } = stateOf(registry);
  const found = new Set([...roots].filter((digest) => digests.has(digest)));
  for (const digest of found) {
    const next = [
      ...(linksOf(registry, digest).manifests ?? []).map((child) => child.digest),
      ...(registry.listsReferrers ? [...digests].filter((one) => subjectOf(registry, one) === digest) : []),
      ...[...cosignTags(digest), referrersTag(digest)].flatMap((tag) => tags.get(tag) ?? []),
    ];
    for (const one of next) if (digests.has(one)) found.add(one);
  }
  return found;
}

function hasBlob(registry: DeletableRegistry, digest: Digest, blobs: readonly Digest[]): boolean {
  return (linksOf(registry, digest).layers ?? []).some((layer) => blobs.includes(layer.digest));
}

function below(registry: DeletableRegistry, digest: Digest): Set<Digest> {
  const found = new Set([digest]);
  for (const one of found) for (const child of linksOf(registry, one).manifests ?? []) found.add(child.digest);
  return found;
}

/** Plans, edits the list, changes the registry, deletes. Returns what must not be lost, and whether it was. */
async function run(
  given: World,
): Promise<{ lost: string[]; deleted: readonly string[]; entries: readonly PruneEntry[] }> {
  const registry = new DeletableRegistry();
  registry.listsReferrers = given.api || given.isEcr;
  registry.tagDeletion = given.tagDeletion;
  registry.protectsChildren = given.isEcr;
  given.steps.forEach((one, i) => void apply(registry, one, i));
  const before = stateOf(registry);
  const pick = <T>(all: readonly T[], numbers: readonly number[]): T[] =>
    numbers.flatMap((n) => (n < all.length ? [all[n] as T] : []));
  const keptTags = pick([...before.tags.keys()], given.keptTags);
  const keptDigests = pick([...before.digests], given.keptDigests);
  const blobs = [...before.digests].flatMap((digest) =>
    (linksOf(registry, digest).layers ?? []).map((layer) => layer.digest),
  );
  const needed = pick(blobs, given.needed);
  const kept: KeepRoots = {
    tags: new Map(keptTags.map((tag) => [tag, 'kept'])),
    digests: new Map(keptDigests.map((digest) => [digest, 'kept'])),
    needed: new Map(needed.map((digest) => [digest, 'needed'])),
  };
  const source = { client: registry, concurrency: 4, ...(given.isEcr && { images: registry }) };
  const { relations, staying } = await judgeRepository(
    source,
    repository,
    { rootsIn: () => kept, probesIn: () => new Set(keptDigests) },
    NOW,
  );
  const all = candidatesOf(relations, staying).map(
    (candidate): PruneEntry => ({ ...candidate, repository: NAME, size: 0 }),
  );
  const removed = new Set(given.removed);
  const entries = all.filter((_, i) => !removed.has(i));
  const unlisted = all.filter((_, i) => removed.has(i));
  given.meanwhile.forEach((one, i) => void apply(registry, one, 100 + i));
  const after = stateOf(registry);
  // Roots of what must not be lost: kept ones, lines that were deleted, and everything that is new or has moved.
  const tagsToKeep = [...after.tags].filter(([tag, digest]) => {
    const listed = entries.find((entry) => entry.tag === tag);
    const reachesNeeded = [...below(registry, digest)].some((one) => hasBlob(registry, one, needed));
    return keptTags.includes(tag) || listed === undefined || listed.digest !== digest || reachesNeeded;
  });
  const listedDigests = new Set(all.map(({ digest }) => digest));
  // Only ECR tells of manifests that no tag reaches.
  const visible = given.isEcr ? after.digests : pulledWith(registry, after.tags.values());
  const isListed = (digest: Digest): boolean =>
    entries.some((entry) => entry.digest === digest && entry.reason !== 'tag-only');
  const roots = new Set<Digest>([
    ...tagsToKeep.map(([, digest]) => digest),
    ...keptDigests,
    // A tag that was moved meanwhile no longer keeps a digest that another line names.
    ...unlisted.map(({ digest }) => digest).filter((digest) => !isListed(digest)),
    ...[...visible].filter((digest) => !listedDigests.has(digest)),
    ...[...visible].filter((digest) => hasBlob(registry, digest, needed)),
  ]);
  const expected = pulledWith(registry, roots);
  let deletions = 0;
  const failing = new Set(given.failing);
  const stillNeeded = new Set<Digest>();
  const { AirgapError } = await import('../../../../src/base/errors.ts');
  if (!given.isEcr) {
    registry.onDelete = (name) => {
      if (!failing.has(deletions++)) return;
      // What it needs by then is still needed.
      if (name.includes(':')) for (const one of pulledWith(registry, [name as Digest])) stillNeeded.add(one);
      throw new AirgapError('registry', 'it fails');
    };
  }
  const remover = given.isEcr ? new EcrRemover(registry, repository) : new RegistryRemover(registry, repository);
  const deletion: DeletionRun = { now: () => NOW };
  const { outcomes } = await deleteInRepository(deletion, NAME, entries, {
    source,
    remover,
    kept: NOTHING,
    probes: [],
    isDryRun: false,
  });
  expect(outcomes).toHaveLength(entries.length);
  const final = stateOf(registry);
  const lost = [
    ...[...expected].filter((digest) => !final.digests.has(digest)),
    ...tagsToKeep.filter(([tag, digest]) => final.tags.get(tag) !== digest).map(([tag]) => tag),
    // What could not be deleted is still whole.
    ...[...stillNeeded].filter((digest) => !final.digests.has(digest)),
  ];
  // The outcomes are true.
  for (const { status, tag, digest, onlyTag } of outcomes) {
    const isThere = tag === undefined ? final.digests.has(digest) : final.tags.get(tag) === digest;
    if (status === 'deleted' || status === 'gone') expect(isThere).toBe(false);
    if (status === 'deleted' && !onlyTag) expect(final.digests.has(digest)).toBe(false);
  }
  return { lost, deleted: registry.deleted, entries };
}

describe('a list that is planned, edited, and deleted while the registry changes', () => {
  it('never loses what is kept, unlisted, new, or reached by these', async () => {
    let deletedInAll = 0;
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const { lost, deleted, entries } = await run(given);
        expect(lost).toEqual([]);
        expect(deleted.length).toBeLessThanOrEqual(
          entries.length + deleted.filter((name) => !name.includes('@')).length,
        );
        deletedInAll += deleted.length;
      }),
      { numRuns: 1500 },
    );
    // The property would hold for a tool that deletes nothing.
    expect(deletedInAll).toBeGreaterThan(2000);
  });

  it('deletes everything listed if nothing has changed', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const { deleted, entries } = await run({
          ...given,
          removed: [],
          meanwhile: [],
          failing: [],
          tagDeletion: 'tag',
        });
        const gone = new Set(deleted);
        const manifests = new Set(
          entries.filter(({ reason }) => reason !== 'tag-only').map(({ digest }) => `${NAME}@${digest}`),
        );
        for (const name of manifests) expect(gone).toContain(name);
        for (const { tag, reason } of entries) if (reason === 'tag-only') expect(gone).toContain(`${NAME}:${tag}`);
        expect(gone.size).toBe(manifests.size + entries.filter(({ reason }) => reason === 'tag-only').length);
      }),
      { numRuns: 500 },
    );
  });
});
