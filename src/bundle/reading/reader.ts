import { AirgapError } from '../../base/errors.ts';
import { type Lock, parseLock } from '../../lock/lock.ts';
import type { ManifestContent } from '../../oci/content.ts';
import { MediaType } from '../../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../../oci/digest.ts';
import { readLinks } from '../../oci/manifest.ts';
import { readRange } from '../files/file.ts';
import type { RandomFile } from '../files/random-file.ts';
import type { Contents } from './contents.ts';
import { invalid, type TarEntry } from './tar-index.ts';

/** A manifest larger than this is none (ECR's limit; registries agree). */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** Locks, charts and configs are read as a whole. A sparse file may claim any size; the largest lock has some 30 MB. */
const WHOLE_LIMIT = 256 * 1024 * 1024;

/** Reads content of an open bundle by digest. */
export class Reader {
  readonly file: RandomFile;
  readonly path: string;
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  readonly contents: Contents;
  /** What a delta says it has not. */
  leftOut: ReadonlySet<Digest> = new Set();

  constructor(file: RandomFile, path: string, entries: ReadonlyMap<Digest, TarEntry>, contents: Contents) {
    this.file = file;
    this.path = path;
    this.entries = entries;
    this.contents = contents;
  }

  entry(digest: Digest): TarEntry {
    const entry = this.entries.get(digest);
    if (entry !== undefined) return entry;
    if (!this.leftOut.has(digest)) {
      throw new AirgapError('image-not-found', `${this.path} does not hold ${digest}`);
    }
    throw new AirgapError('image-not-found', `${this.path} is a delta, and leaves out ${digest}`, {
      hint: 'the older bundle has it, and so does the registry that it was pushed to',
    });
  }

  async bytes(digest: Digest): Promise<Uint8Array> {
    const { offset, size } = this.entry(digest);
    if (size > WHOLE_LIMIT) throw invalid(this.path, `has ${size} bytes of ${digest}, which is to be read as a whole`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of readRange(this.file, offset, size)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) {
      throw new AirgapError('digest-mismatch', `${this.path} is damaged: the content of ${digest} is not that`, {
        hint: 'copy the bundle again; helm airgap verify tells what else is damaged',
      });
    }
    return bytes;
  }

  async manifest(digest: Digest): Promise<ManifestContent> {
    const { size } = this.entry(digest);
    if (size > MANIFEST_LIMIT) throw invalid(this.path, `has ${digest} as a manifest, and it has ${size} bytes`);
    const bytes = await this.bytes(digest);
    const mediaType = this.contents.mediaTypes.get(digest) ?? typeOf(bytes);
    return { bytes, descriptor: { mediaType, digest, size } };
  }

  async readLock(): Promise<Lock | undefined> {
    const { lock } = this.contents;
    if (lock === undefined) return undefined;
    try {
      const { bytes } = await this.manifest(lock.digest);
      const document = readLinks(lock.mediaType, bytes).blobs.find(({ mediaType }) => mediaType === MediaType.lock);
      if (document === undefined) throw invalid(this.path, 'has a lock without its document');
      return parseLock(await this.bytes(document.digest));
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code === 'bundle-invalid') throw error;
      throw invalid(this.path, `has a lock that cannot be read: ${error.message}`, error.hint, error);
    }
  }
}

/** The media type of a manifest that stands in no list of the index: its own word, or its shape. */
function typeOf(bytes: Uint8Array): string {
  let json: { mediaType?: unknown; manifests?: unknown } | null = null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Whoever reads it as a manifest says that it is none.
  }
  if (typeof json?.mediaType === 'string' && json.mediaType !== '') return json.mediaType;
  return Array.isArray(json?.manifests) ? MediaType.ociIndex : MediaType.ociManifest;
}
