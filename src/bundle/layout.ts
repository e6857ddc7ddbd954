import { Header, Pax } from 'tar';
import { AirgapError } from '../base/errors.ts';
import { algorithmOf, type Digest, digestOf, encodedOf, isDigest } from '../oci/digest.ts';
import type { BlobNode, Content } from '../oci/graph.ts';

/** One file of the archive, at its final place. */
export interface Entry {
  readonly name: string;
  /** The tar header, with the extended one before it where the name needs that. */
  readonly header: Uint8Array;
  /** Bytes from the start of the archive to the first byte of the content; the header is right before it. */
  readonly offset: number;
  readonly size: number;
  /** Undefined for the three metadata files. */
  readonly digest: Digest | undefined;
  /** The content, when it is in memory. */
  readonly bytes?: Uint8Array;
  /** The blob to be read, when it is not. */
  readonly node?: BlobNode;
}

/** A whole archive, planned: every byte has its place before the first one is there. */
export interface Layout {
  readonly entries: readonly Entry[];
  /** Bytes of the archive. */
  readonly size: number;
  /** Names the content: equal for equal metadata files and equal entries. */
  readonly identity: Digest;
}

/** A metadata file: `oci-layout`, `index.json`, `manifest.json`. */
export interface MetadataFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Tar works in blocks (POSIX.1-1988 ustar). */
export const BLOCK = 512;
/** Two empty blocks end an archive. */
export const END = 2 * BLOCK;

/** From here on a name does not fit into a header as it is. */
const NAME = 100;

/** The name of a blob in an OCI image layout. */
export function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

const BLOB = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/;

/** The blob that is called so in an OCI image layout; undefined for any other file. */
export function blobDigest(name: string): Digest | undefined {
  const [, algorithm, encoded] = BLOB.exec(name) ?? [];
  const digest = `${algorithm}:${encoded}`;
  return isDigest(digest) ? digest : undefined;
}

/**
 * Plans the archive: the metadata files as given, then everything in the graph in the order of the digests. Directories
 * have no entries of their own: readers make them (tried: skopeo's oci-archive and docker-archive, GNU tar).
 * @throws AirgapError `registry` when something is a manifest and a blob with different sizes
 */
export function planLayout(metadata: readonly MetadataFile[], content: Content): Layout {
  const entries: Entry[] = [];
  let end = 0;
  const add = (entry: Pick<Entry, 'name' | 'size' | 'digest' | 'bytes' | 'node'>): void => {
    const header = headerOf(entry.name, entry.size);
    const offset = end + header.length;
    entries.push({ ...entry, header, offset });
    end = offset + Math.ceil(entry.size / BLOCK) * BLOCK;
  };
  for (const { name, bytes } of metadata) add({ name, size: bytes.length, digest: undefined, bytes });
  for (const digest of [...new Set([...content.manifests.keys(), ...content.blobs.keys()])].sort()) {
    const name = blobName(digest);
    const node = content.blobs.get(digest);
    const bytes = content.manifests.get(digest)?.bytes ?? node?.bytes;
    const size = bytes?.length ?? node?.descriptor.size ?? 0;
    if (node !== undefined && node.descriptor.size !== size) {
      throw new AirgapError('registry', `${digest} has ${size} bytes, and ${node.descriptor.size} by another manifest`);
    }
    add(bytes === undefined ? { name, size, digest, node } : { name, size, digest, bytes });
  }
  const names = entries.map(
    ({ name, size, digest, bytes }) => `${name} ${digest ?? digestOf(bytes as Uint8Array)} ${size}`,
  );
  return { entries, size: end + END, identity: digestOf(Buffer.from(names.join('\n'))) };
}

/**
 * A ustar header that says nothing about the machine or the time. Sizes from 8 GiB on are in base 256, which GNU, BSD
 * and Go's readers know; a longer name (a sha512 digest) has a pax header (POSIX.1-2001) before it.
 */
export function headerOf(name: string, size: number): Uint8Array {
  const long = name.length >= NAME;
  const path = long ? name.slice(0, NAME - 1) : name;
  const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size, mtime: new Date(0), type: 'File' });
  const block = Buffer.alloc(BLOCK);
  header.encode(block);
  return long ? Buffer.concat([new Pax({ path: name }).encode(), block]) : block;
}
