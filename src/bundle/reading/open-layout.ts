import { expectImages } from '../../base/large-runs.ts';
import { quoted } from '../../base/printable.ts';
import { TOOL_SUMS_NAME, toolName } from '../../inventory/tool-names.ts';
import type { Digest } from '../../oci/digest.ts';
import { invalidBundle } from '../files/errors.ts';
import type { RandomFile } from '../files/random-file.ts';
import { blobDigest, blobName } from '../format/layout.ts';
import { indexTar, type TarEntry } from '../format/tar-index.ts';

/** An OCI image layout in a tar archive, with its table of contents. */
export interface OpenLayout {
  /** Size of the file in bytes. */
  readonly size: number;
  readonly index: Uint8Array;
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  /** Files other than blobs, by name. */
  readonly files: ReadonlyMap<string, TarEntry>;
  /** Folders by name, without trailing slash. */
  readonly folders: ReadonlyMap<string, TarEntry>;
  /** Content of `tools/SHA256SUMS`; undefined if there is none, or one that is too large. */
  readonly toolSums?: Uint8Array | undefined;
}

/** Maximum size of a metadata file; an index of ten thousand images has about 5 MB. */
export const METADATA_LIMIT = 32 * 1024 * 1024;
/** Maximum size of the checksums of tools; a thousand of them have about 300 kB. */
const TOOL_SUMS_LIMIT = 1024 * 1024;
/** A manifest, a config and four layers: with fewer, and thus with more images, they take less memory each. */
const FILES_PER_IMAGE = 6;
/** Magic bytes of compressed files that users may give instead of a bundle. */
const COMPRESSION_MAGIC: readonly [string, number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** Reads the table of contents and the metadata files. @throws AirgapError `bundle-invalid` */
export async function openLayout(file: RandomFile, path: string): Promise<OpenLayout> {
  const size = await file.size();
  if (size === 0) throw invalidBundle(path, 'is empty');
  const head = Buffer.alloc(8);
  await file.read(head, 0);
  const compression = COMPRESSION_MAGIC.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  if (compression !== undefined) {
    throw invalidBundle(
      path,
      `is compressed with ${compression[0]}; a bundle is an uncompressed tar`,
      'decompress it first',
    );
  }
  const { files, folders, special } = await indexTar(file, path, size);
  expectImages(files.size / FILES_PER_IMAGE);
  if (!files.has('oci-layout')) {
    if (files.has('manifest.json')) {
      throw invalidBundle(path, 'is a docker save archive, which does not keep digests', 'create a bundle instead');
    }
    throw invalidBundle(
      path,
      'is a tar archive but not a bundle: it has no oci-layout',
      'give a file that helm airgap bundle wrote',
    );
  }
  if (special !== undefined) throw invalidBundle(path, `contains ${special}; a bundle has only regular files`);
  checkVersion(path, await read(file, path, files, 'oci-layout'));
  const entries = new Map<Digest, TarEntry>();
  const others = new Map<string, TarEntry>();
  for (const [name, entry] of files) {
    const digest = blobDigest(name);
    if (digest === undefined) others.set(name, entry);
    else entries.set(digest, entry);
  }
  checkSize(path, others, DOCKER_SAVE);
  const index = await read(file, path, others, 'index.json');
  const hasSums = (others.get(TOOL_SUMS_NAME)?.size ?? Number.POSITIVE_INFINITY) <= TOOL_SUMS_LIMIT;
  const toolSums = hasSums ? await read(file, path, others, TOOL_SUMS_NAME) : undefined;
  return { size, index, entries, files: others, folders, toolSums };
}

/** Returns the files in `tools/` by name, without their checksums. */
export function toolEntries({ files }: Pick<OpenLayout, 'files'>): ReadonlyMap<string, TarEntry> {
  return new Map(
    [...files].flatMap(([path, entry]) => {
      const name = toolName(path);
      return name === undefined ? [] : [[name, entry] as const];
    }),
  );
}

/** Returns all files with their names, in order of the archive. */
export function filesInOrder({ files, entries }: Pick<OpenLayout, 'files' | 'entries'>): [string, TarEntry][] {
  const blobs = [...entries].map(([digest, entry]): [string, TarEntry] => [blobName(digest), entry]);
  return [...files, ...blobs].sort(([, a], [, b]) => a.offset - b.offset);
}

const DOCKER_SAVE = 'manifest.json';

/** Reads `manifest.json`; undefined if there is none. It has several megabytes for ten thousand images. */
export async function readDockerSaveFile(
  file: RandomFile,
  path: string,
  { files }: Pick<OpenLayout, 'files'>,
): Promise<Uint8Array | undefined> {
  return files.has(DOCKER_SAVE) ? read(file, path, files, DOCKER_SAVE) : undefined;
}

function checkVersion(path: string, bytes: Uint8Array): void {
  let version: unknown;
  try {
    version = (JSON.parse(Buffer.from(bytes).toString('utf8')) as { imageLayoutVersion?: unknown } | null)
      ?.imageLayoutVersion;
  } catch (cause) {
    throw invalidBundle(path, 'has an oci-layout that is not JSON', undefined, cause);
  }
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    const found = typeof version === 'string' ? quoted(version.slice(0, 40)) : 'none';
    throw invalidBundle(path, `is an image layout of version ${found}; this helm airgap reads 1.x`);
  }
}

async function read(
  file: RandomFile,
  path: string,
  files: ReadonlyMap<string, TarEntry>,
  name: string,
): Promise<Uint8Array> {
  const entry = files.get(name);
  if (entry === undefined) throw invalidBundle(path, `has no ${name}`);
  checkSize(path, files, name);
  const bytes = Buffer.alloc(entry.size);
  await file.read(bytes, entry.offset);
  return bytes;
}

function checkSize(path: string, files: ReadonlyMap<string, TarEntry>, name: string): void {
  const { size } = files.get(name) ?? { size: 0 };
  if (size <= METADATA_LIMIT) return;
  throw invalidBundle(path, `has a ${name} of ${size} bytes; the limit is ${METADATA_LIMIT}`);
}
