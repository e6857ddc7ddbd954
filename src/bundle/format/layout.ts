import { createHash } from 'node:crypto';
import { Header, Pax } from 'tar';
import { AirgapError } from '../../base/errors.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import { algorithmOf, type Digest, digestOf, encodedOf, isDigest } from '../../oci/digest.ts';
import { type BlobNode, type Content, closureOf, type Graph } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { ChartArtifact } from './chart-artifact.ts';

/**
 * A file of the archive with its final offset. There may be a hundred thousand of them, so what follows from the other
 * fields is not kept: see {@link entryHeader}.
 */
export interface LayoutEntry {
  /** Offset of the content from the start of the archive. The header directly precedes it. */
  readonly offset: number;
  readonly size: number;
  /** Undefined for metadata files. */
  readonly digest: Digest | undefined;
  /** Name of a metadata file or tool. */
  readonly name?: string;
  /** True for a program, which has mode 0755. */
  readonly isExecutable?: boolean;
  /** Content, if it is in memory. Released when it is in the file. */
  bytes?: Uint8Array | undefined;
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

/** A metadata file: `oci-layout`, `index.json`, `manifest.json`, `tools/SHA256SUMS`; or the folder `tools/`, without content. */
export interface MetadataFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A file in `tools/`. Its content is not a blob of the image layout. */
export interface ToolEntry {
  readonly name: string;
  readonly node: BlobNode;
  readonly isExecutable: boolean;
}

/** Size of the end-of-archive marker: two empty blocks. */
export const TAR_END_SIZE = 2 * TAR_BLOCK;

const FILE_MODE = 0o644;
const PROGRAM_MODE = 0o755;

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
 * Plans the archive: the metadata files and tools as given, then all manifests and blobs in order of their digests, except
 * those that come last.
 * Directories of blobs have no entries: readers create them (tested with skopeo's oci-archive and docker-archive, and GNU tar).
 * @throws AirgapError `registry` if manifests disagree about the size of a blob
 */
export function planLayout(
  metadata: readonly MetadataFile[],
  content: Content,
  {
    tools = [],
    last = [],
  }: { readonly tools?: readonly ToolEntry[]; readonly last?: readonly Digest[] | undefined } = {},
): Layout {
  const entries: LayoutEntry[] = [];
  let end = 0;
  const identity = createHash('sha256');
  const add = (entry: Omit<LayoutEntry, 'offset'>): void => {
    const { size, digest, bytes } = entry;
    const name = entryName(entry);
    const offset = end + headerSize(name, size);
    identity.update(`${entries.length === 0 ? '' : '\n'}${name} ${digest ?? digestOf(bytes as Uint8Array)} ${size}`);
    entries.push({ ...entry, offset });
    end = offset + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  };
  for (const { name, bytes } of metadata) add({ name, size: bytes.length, digest: undefined, bytes });
  for (const { node, ...tool } of tools) {
    const { digest, size } = node.descriptor;
    add({ ...tool, size, digest, node });
  }
  const lastDigests = new Set(last);
  const digests = new Set([...content.manifests.keys(), ...content.blobs.keys()]);
  for (const digest of [...[...digests].filter((digest) => !lastDigests.has(digest)).sort(), ...lastDigests]) {
    const node = content.blobs.get(digest);
    const bytes = content.manifests.get(digest)?.bytes ?? node?.bytes;
    const size = bytes?.length ?? node?.descriptor.size ?? 0;
    if (node !== undefined && node.descriptor.size !== size) {
      throw new AirgapError(
        'registry',
        `manifests disagree about the size of ${digest}: ${size} and ${node.descriptor.size} bytes`,
      );
    }
    add(bytes === undefined ? { size, digest, node } : { size, digest, bytes });
  }
  return { entries, size: end + TAR_END_SIZE, identity: `sha256:${identity.digest('hex')}` };
}

/**
 * Returns the tar header of an entry, preceded by a pax header if the name needs one.
 * @param block memory of the header, of 512 bytes; used again for the next of many
 */
export function entryHeader(entry: LayoutEntry, block?: Buffer<ArrayBuffer>): Uint8Array {
  return tarHeader(entryName(entry), entry.size, { block, isExecutable: entry.isExecutable });
}

/** Returns where the header of an entry begins, from the start of the archive. */
export function headerOffset(entry: LayoutEntry): number {
  return entry.offset - headerSize(entryName(entry), entry.size);
}

/** Returns the name of a file in the archive. */
export function entryName({ digest, name }: Pick<LayoutEntry, 'digest' | 'name'>): string {
  return name ?? (digest === undefined ? '' : blobName(digest));
}

/** Returns the length of the tar header, without creating it if its name is short. */
function headerSize(name: string, size: number): number {
  return name.length < MAX_HEADER_NAME ? TAR_BLOCK : tarHeader(name, size).length;
}

/**
 * Creates a ustar header without user, group and time. Programs and folders, whose names end with a slash, have
 * mode 0755, other files 0644. Sizes of 8 GiB and more are in base 256, which GNU, BSD and Go
 * readers support. Long names (sha512 digests) get a pax header (POSIX.1-2001).
 * @param options.block memory of the header, of 512 bytes
 */
export function tarHeader(
  name: string,
  size: number,
  { block = Buffer.alloc(TAR_BLOCK), isExecutable = false }: HeaderOptions = {},
): Uint8Array {
  const long = name.length >= MAX_HEADER_NAME;
  const path = long ? name.slice(0, MAX_HEADER_NAME - 1) : name;
  const isFolder = name.endsWith('/');
  const mode = isExecutable || isFolder ? PROGRAM_MODE : FILE_MODE;
  const header = new Header({
    path,
    mode,
    uid: 0,
    gid: 0,
    size,
    mtime: new Date(0),
    type: isFolder ? 'Directory' : 'File',
  });
  block.fill(0);
  header.encode(block);
  return long ? Buffer.concat([new Pax({ path: name }).encode(), block]) : block;
}

interface HeaderOptions {
  readonly block?: Buffer<ArrayBuffer> | undefined;
  readonly isExecutable?: boolean | undefined;
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
