import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ignoreEvents } from '../../base/events.ts';
import { fileFailure } from '../../base/file-failure.ts';
import type { Source } from '../../oci/content.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, encodedOf } from '../../oci/digest.ts';
import { type BlobNode, type Content, closureOf } from '../../oci/graph.ts';
import { blobName } from '../format/layout.ts';
import { OCI_LAYOUT } from '../format/metadata.ts';
import { CONTAINERD_NAME_ANNOTATION, REF_NAME_ANNOTATION } from '../format/names.ts';
import { writeBlobFiles } from './blob-files.ts';

/** A blob in the folder of {@link LayoutFolders}, and how many layouts have a link to it. */
interface StoredBlob {
  readonly path: string;
  users: number;
  readonly written: Promise<unknown>;
}

/**
 * Writes single images as OCI image layouts in folders, for programs that read one image. Layouts that exist at the same time
 * share their blobs by hard links, so each blob is written once, and removed with the last layout that has it.
 */
export class LayoutFolders {
  readonly #folder: string;
  readonly #source: Source;
  readonly #signal: AbortSignal | undefined;
  readonly #blobs = new Map<Digest, StoredBlob>();
  #written = 0;

  /** @param folder absolute; an empty folder of this run */
  constructor(folder: string, source: Source, signal?: AbortSignal) {
    this.#folder = folder;
    this.#source = source;
    this.#signal = signal;
  }

  /**
   * Writes a layout with one manifest or index of the graph, whose blobs are verified, and removes it after `work`.
   * @param name of its folder
   * @throws AirgapError `digest-mismatch`, `no-space`, `file`, `interrupted`
   */
  async with<R>(name: string, content: Content, root: Digest, work: (path: string) => Promise<R>): Promise<R> {
    const path = join(this.#folder, name);
    const { manifests, blobs } = closureOf(content, root);
    const held: Digest[] = [];
    try {
      await mkdir(path, { mode: 0o700 });
      await writeFile(join(path, 'oci-layout'), OCI_LAYOUT);
      const folders = new Set([...manifests, ...blobs].map((digest) => dirname(join(path, blobName(digest)))));
      for (const folder of folders) await mkdir(folder, { recursive: true });
      for (const digest of manifests) {
        const bytes = content.manifests.get(digest)?.bytes;
        if (bytes !== undefined) await writeFile(join(path, blobName(digest)), bytes);
      }
      for (const digest of blobs) {
        held.push(digest);
        await link(await this.#blob(content, digest), join(path, blobName(digest)));
      }
      return await work(path);
    } catch (error) {
      throw fileFailure(error) ?? error;
    } finally {
      await rm(path, { recursive: true, force: true });
      for (const digest of held) await this.#release(digest);
    }
  }

  /** Returns the path of a blob, which this layout uses from now on. */
  async #blob(content: Content, digest: Digest): Promise<string> {
    const known = this.#blobs.get(digest);
    // A path of its own each time: an earlier file of the blob may be about to be removed.
    const path = join(this.#folder, `${++this.#written}-${encodedOf(digest)}`);
    const node = content.blobs.get(digest);
    const stored: StoredBlob = known ?? {
      path,
      users: 0,
      written: node === undefined ? Promise.resolve() : this.#write(path, node),
    };
    stored.users += 1;
    this.#blobs.set(digest, stored);
    await stored.written;
    return stored.path;
  }

  /** Writes a blob that nobody changes: other images may have a link to it. */
  async #write(path: string, node: BlobNode): Promise<void> {
    const options = { source: this.#source, force: false, emit: ignoreEvents, signal: this.#signal };
    await writeBlobFiles([{ path, node }], options);
    await chmod(path, 0o444);
  }

  async #release(digest: Digest): Promise<void> {
    const stored = this.#blobs.get(digest);
    if (stored === undefined) return;
    stored.users -= 1;
    if (stored.users > 0) return;
    this.#blobs.delete(digest);
    await rm(stored.path, { force: true });
  }
}

/** Returns the `index.json` of a layout with one entry. @param name full reference of the image */
export function layoutIndex(descriptor: Descriptor, name: string): Uint8Array {
  const { mediaType, digest, size, platform } = descriptor;
  const annotations = { [REF_NAME_ANNOTATION]: name, [CONTAINERD_NAME_ANNOTATION]: name };
  const entry = { mediaType, digest, size, ...(platform && { platform }), annotations };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [entry] }));
}
