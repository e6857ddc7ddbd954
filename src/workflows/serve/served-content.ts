import { AirgapError } from '../../base/errors.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Target } from '../../naming/naming.ts';
import type { ManifestContent } from '../../oci/content.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { closureOf, type Graph, referrersOf } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import type { Reference } from '../../oci/reference.ts';
import { referrersTag } from '../../oci/referrer.ts';
import type { ServedBlob, ServedContent, ServedRepository } from '../../serve/content.ts';
import { ReadMode } from '../../serve/read-mode.ts';
import { destinationsFor } from '../../transfer/destinations.ts';
import { groupReferrers } from '../../transfer/referrers/groups.ts';
import { listEntry } from '../../transfer/referrers/listing.ts';
import { destinationOf } from '../push/destination.ts';

/** A repository while it is filled. */
interface Repository extends ServedRepository {
  readonly tags: Map<string, ManifestContent>;
  readonly manifests: Map<string, ManifestContent>;
  readonly blobs: Map<string, ServedBlob>;
  readonly referrers: Map<string, Descriptor[]>;
}

/**
 * Returns what a push of the graph to the target would leave in its repositories: by the same naming, with the tags of
 * cosign and of lists of referrers.
 * @throws AirgapError `collision` as a push does; `bundle-invalid` if no bundle has a blob, as with a delta alone
 */
export function servedContent(graph: Graph, target: Target, bundles: readonly Bundle[]): ServedContent {
  const repositories = new Map<string, Repository>();
  const blobs = blobsOf(graph, bundles);
  const repositoryAt = (path: string): Repository => {
    const known = repositories.get(path);
    if (known !== undefined) return known;
    const created = { tags: new Map(), manifests: new Map(), blobs: new Map(), referrers: new Map() };
    repositories.set(path, created);
    return created;
  };
  /** Adds a manifest with everything below it. @returns the manifest */
  const add = (repository: Repository, digest: Digest): ManifestContent | undefined => {
    const closure = closureOf(graph, digest);
    for (const blob of closure.blobs) repository.blobs.set(blob, blobs(blob));
    for (const manifest of closure.manifests) {
      const node = graph.manifests.get(manifest);
      if (node !== undefined) repository.manifests.set(manifest, node);
    }
    return graph.manifests.get(digest);
  };
  const tag = (repository: Repository, name: string, manifest: ManifestContent | undefined): void => {
    if (manifest !== undefined) repository.tags.set(name, manifest);
  };
  const destination = (source: Reference): Reference => destinationOf(target, source);
  const all = referrersOf(
    graph,
    graph.roots.map(({ reference, descriptor }) => ({ repository: reference, digest: descriptor.digest })),
  );
  for (const { repository: at, subject, tagged, listed } of groupReferrers(all, destination)) {
    const repository = repositoryAt(at.path);
    for (const { descriptor, tag: name = '' } of tagged) tag(repository, name, add(repository, descriptor.digest));
    const manifests = listed.flatMap(({ descriptor }) => add(repository, descriptor.digest) ?? []);
    if (manifests.length === 0) continue;
    const list = referrersList(manifests);
    repository.manifests.set(list.descriptor.digest, list);
    tag(repository, referrersTag(subject), list);
  }
  // After the referrers: what the bundle has under a tag comes before a list that is made here.
  for (const { root, repository: at, tag: name } of destinationsFor(graph.roots, destination)) {
    const repository = repositoryAt(at.path);
    tag(repository, name, add(repository, root.descriptor.digest));
  }
  for (const repository of repositories.values()) addReferrers(repository);
  return repositories;
}

/** Returns a function that finds a blob in the bundles. */
function blobsOf(graph: Graph, bundles: readonly Bundle[]): (digest: Digest) => ServedBlob {
  const known = new Map<Digest, ServedBlob>();
  const modes = new Map(bundles.map((bundle) => [bundle, new ReadMode()]));
  return (digest) => {
    const blob = known.get(digest) ?? blobOf(graph, modes, digest);
    known.set(digest, blob);
    return blob;
  };
}

function blobOf(graph: Graph, modes: ReadonlyMap<Bundle, ReadMode>, digest: Digest): ServedBlob {
  const [bundle, mode] = [...modes].find(([{ entries }]) => entries.has(digest)) ?? [];
  if (bundle === undefined || mode === undefined) {
    throw new AirgapError(
      'bundle-invalid',
      `${[...modes.keys()].map(({ path }) => path).join(', ')}: blob ${digest} is missing`,
      {
        hint: 'a delta is served together with the bundle that it was made from: name both',
      },
    );
  }
  const size = bundle.entries.get(digest)?.size ?? 0;
  const named = graph.blobs.get(digest)?.descriptor.size ?? size;
  if (named !== size) {
    throw new AirgapError('bundle-invalid', `${bundle.path} has ${size} bytes of ${digest}, a manifest says ${named}`, {
      hint: 'run helm airgap verify for details, then copy or create the bundle again',
    });
  }
  const read: ServedBlob['read'] = (buffer, position) =>
    mode.read(
      () => bundle.readAtSync(digest, buffer, position),
      () => bundle.readAt(digest, buffer, position),
    );
  return { digest, size, read };
}

/** Returns the list that a push writes under the referrers tag, for clients that do not know the referrers API. */
function referrersList(referrers: readonly ManifestContent[]): ManifestContent {
  const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: referrers.map(listEntry) };
  const bytes = Buffer.from(JSON.stringify(index));
  return { bytes, descriptor: { mediaType: MediaType.ociIndex, digest: digestOf(bytes), size: bytes.length } };
}

/** Lists all manifests that have a subject, as registries with the referrers API do. */
function addReferrers({ manifests, referrers }: Repository): void {
  for (const manifest of manifests.values()) {
    const { mediaType } = manifest.descriptor;
    // Most manifests have none, and parsing all of them takes a second for 20,000.
    if (!Buffer.from(manifest.bytes.buffer, manifest.bytes.byteOffset, manifest.bytes.length).includes('"subject"'))
      continue;
    const { subject } = parseManifest(mediaType, manifest.bytes);
    if (subject === undefined) continue;
    referrers.set(subject.digest, [...(referrers.get(subject.digest) ?? []), listEntry(manifest)]);
  }
}
