import { Header, Pax } from 'tar';
import { AirgapError } from '../../base/errors.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import { algorithmOf, type Digest, digestOf, encodedOf, isDigest } from '../../oci/digest.ts';
import { type BlobNode, type Content, closureOf, type Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { ChartArtifact } from './chart-artifact.ts';

/** A file of the archive with its final offset. */
interface LayoutEntry {
  readonly name: string;
  /** Tar header, preceded by a pax header if the name needs one. */
  readonly header: Uint8Array;
  /** Offset of the content from the start of the archive. The header directly precedes it. */
  readonly offset: number;
  readonly size: number;
  /** Undefined for the three metadata files. */
  readonly digest: Digest | undefined;
  /** Content, if it is in memory. */
  readonly bytes?: Uint8Array;
  /** Blob to fetch, if its content is not in memory. */
  readonly node?: BlobNode;
}

/** The plan of an archive: the offset of every byte is known before any content is fetched. */
export interface Layout {
  readonly entries: readonly LayoutEntry[];
  /** Size of the archive in bytes. */
  readonly size: number;
  /** Digest that identifies the plan: equal for equal metadata files and entries. */
  readonly identity: Digest;
}

/** A metadata file: `oci-layout`, `index.json`, `manifest.json`. */
export interface MetadataFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Size of the end-of-archive marker: two empty blocks. */
export const TAR_END_SIZE = 2 * TAR_BLOCK;

/** Names of this length or longer need a pax header. */
const MAX_HEADER_NAME = 100;

/** Returns the file name of a blob in an OCI image layout. */
export function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

const BLOB_NAME = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/;

/** Returns the digest of a blob by its file name in an OCI image layout; undefined for other files. */
export function blobDigest(name: string): Digest | undefined {
  const [, algorithm, encoded] = BLOB_NAME.exec(name) ?? [];
  const digest = `${algorithm}:${encoded}`;
  return isDigest(digest) ? digest : undefined;
}

/**
 * Plans the archive: the metadata files as given, then all manifests and blobs in order of their digests. Directories
 * have no entries: readers create them (tested with skopeo's oci-archive and docker-archive, and GNU tar).
 * @throws AirgapError `registry` if manifests disagree about the size of a blob
 */
export function planLayout(metadata: readonly MetadataFile[], content: Content): Layout {
  const entries: LayoutEntry[] = [];
  let end = 0;
  const add = (entry: Pick<LayoutEntry, 'name' | 'size' | 'digest' | 'bytes' | 'node'>): void => {
    const header = tarHeader(entry.name, entry.size);
    const offset = end + header.length;
    entries.push({ ...entry, header, offset });
    end = offset + Math.ceil(entry.size / TAR_BLOCK) * TAR_BLOCK;
  };
  for (const { name, bytes } of metadata) add({ name, size: bytes.length, digest: undefined, bytes });
  for (const digest of [...new Set([...content.manifests.keys(), ...content.blobs.keys()])].sort()) {
    const name = blobName(digest);
    const node = content.blobs.get(digest);
    const bytes = content.manifests.get(digest)?.bytes ?? node?.bytes;
    const size = bytes?.length ?? node?.descriptor.size ?? 0;
    if (node !== undefined && node.descriptor.size !== size) {
      throw new AirgapError(
        'registry',
        `manifests disagree about the size of ${digest}: ${size} and ${node.descriptor.size} bytes`,
      );
    }
    add(bytes === undefined ? { name, size, digest, node } : { name, size, digest, bytes });
  }
  const names = entries.map(
    ({ name, size, digest, bytes }) => `${name} ${digest ?? digestOf(bytes as Uint8Array)} ${size}`,
  );
  return { entries, size: end + TAR_END_SIZE, identity: digestOf(Buffer.from(names.join('\n'))) };
}

/**
 * Creates a ustar header without user, group and time. Sizes of 8 GiB and more are in base 256, which GNU, BSD and Go
 * readers support. Long names (sha512 digests) get a pax header (POSIX.1-2001).
 */
export function tarHeader(name: string, size: number): Uint8Array {
  const long = name.length >= MAX_HEADER_NAME;
  const path = long ? name.slice(0, MAX_HEADER_NAME - 1) : name;
  const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size, mtime: new Date(0), type: 'File' });
  const block = Buffer.alloc(TAR_BLOCK);
  header.encode(block);
  return long ? Buffer.concat([new Pax({ path: name }).encode(), block]) : block;
}

/** Returns the names of the images and charts that need a blob, by blob. */
export function blobOwners(graph: Graph, charts: readonly ChartArtifact[]): ReadonlyMap<Digest, readonly string[]> {
  const names = new Map<Digest, string[]>();
  const add = (digest: Digest, name: string): void => {
    const known = names.get(digest);
    if (known === undefined) names.set(digest, [name]);
    else known.push(name);
  };
  for (const { reference, descriptor } of graph.roots) {
    const name = formatReference(reference);
    for (const digest of closureOf(graph, descriptor.digest).blobs) add(digest, name);
  }
  for (const { name, content } of charts) for (const digest of content.blobs.keys()) add(digest, `chart ${name}`);
  return names;
}
