import { AirgapError } from '../../base/errors.ts';
import { type Inventory, parseInventory } from '../../inventory/inventory.ts';
import type { ManifestContent } from '../../oci/content.ts';
import { MediaType } from '../../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { invalidBundle } from '../files/errors.ts';
import type { RandomFile } from '../files/random-file.ts';
import { readRange } from '../files/ranges.ts';
import type { TarEntry } from '../format/tar-index.ts';
import type { IndexContents } from './contents.ts';

/** Maximum size of a manifest, as in ECR and other registries. */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

/**
 * Maximum size of a blob read into memory: inventories (up to about 30 MB), charts, configs. Headers may claim any
 * size.
 */
const IN_MEMORY_LIMIT = 256 * 1024 * 1024;

/** Reads content of an open bundle by digest. */
export class BundleReader {
  readonly file: RandomFile;
  readonly path: string;
  readonly entries: ReadonlyMap<Digest, TarEntry>;
  readonly contents: IndexContents;
  /** Blobs that a delta omits. */
  leftOut: ReadonlySet<Digest> = new Set();
  /** Tools of the inventory. Missing ones are undefined. */
  tools: ReadonlyMap<string, TarEntry | undefined> = new Map();

  constructor(file: RandomFile, path: string, entries: ReadonlyMap<Digest, TarEntry>, contents: IndexContents) {
    this.file = file;
    this.path = path;
    this.entries = entries;
    this.contents = contents;
  }

  entry(digest: Digest): TarEntry {
    const entry = this.entries.get(digest) ?? this.tools.get(digest);
    if (entry !== undefined) return entry;
    if (!this.leftOut.has(digest)) {
      throw new AirgapError('image-not-found', `${this.path} does not contain ${digest}`);
    }
    throw new AirgapError('image-not-found', `${this.path} is a delta that omits ${digest}`, {
      hint: 'it is in the older bundle, and in the registry that the older bundle was pushed to',
    });
  }

  async bytes(digest: Digest): Promise<Uint8Array> {
    const { offset, size } = this.entry(digest);
    if (size > IN_MEMORY_LIMIT)
      throw invalidBundle(
        this.path,
        `has a blob ${digest} of ${size} bytes; the limit for reading it into memory is ${IN_MEMORY_LIMIT}`,
      );
    const chunks: Uint8Array[] = [];
    for await (const chunk of readRange(this.file, offset, size)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) {
      throw new AirgapError(
        'digest-mismatch',
        `${this.path} is damaged: the content of ${digest} does not match its digest`,
        {
          hint: 'copy the bundle again; helm airgap verify lists all damage',
        },
      );
    }
    return bytes;
  }

  async manifest(digest: Digest): Promise<ManifestContent> {
    const { size } = this.entry(digest);
    if (size > MANIFEST_LIMIT)
      throw invalidBundle(this.path, `has a manifest ${digest} of ${size} bytes; the limit is ${MANIFEST_LIMIT}`);
    const bytes = await this.bytes(digest);
    const mediaType = this.contents.mediaTypes.get(digest) ?? inferMediaType(bytes);
    return { bytes, descriptor: { mediaType, digest, size } };
  }

  async readInventory(): Promise<Inventory | undefined> {
    const { inventory } = this.contents;
    if (inventory === undefined) return undefined;
    try {
      const { bytes } = await this.manifest(inventory.digest);
      const document = parseManifest(inventory.mediaType, bytes).blobs.find(
        ({ mediaType }) => mediaType === MediaType.inventory,
      );
      if (document === undefined) throw invalidBundle(this.path, 'has an inventory artifact without its document');
      return parseInventory(await this.bytes(document.digest));
    } catch (error) {
      if (!(error instanceof AirgapError) || error.code === 'bundle-invalid') throw error;
      throw invalidBundle(this.path, `has an inventory that cannot be read: ${error.message}`, error.hint, error);
    }
  }
}

/** Returns the media type of a manifest that no index lists: its `mediaType` field, or by its shape. */
function inferMediaType(bytes: Uint8Array): string {
  let json: { mediaType?: unknown; manifests?: unknown } | null = null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Parsing it as a manifest reports the error.
  }
  if (typeof json?.mediaType === 'string' && json.mediaType !== '') return json.mediaType;
  return Array.isArray(json?.manifests) ? MediaType.ociIndex : MediaType.ociManifest;
}
