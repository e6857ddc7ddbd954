import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { AirgapError, messageOf } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import type { Body } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { type Bundle, openBundle } from '../reading/bundle.ts';
import { type FetchOptions, fetchBlob } from './fetch-blob.ts';

/** Maximum size of a blob that is read into memory: configs and other small blobs. */
const SMALL_BLOB = 8 * 1024 * 1024;

/** Earlier bundles, whose blobs are copied instead of fetched. Each is verified; damaged ones are fetched. */
export class EarlierBundles {
  readonly #bundles: readonly Bundle[];
  readonly #emit: Emit;

  private constructor(bundles: readonly Bundle[], emit: Emit) {
    this.#bundles = bundles;
    this.#emit = emit;
  }

  /**
   * Opens earlier bundles.
   * @param replaced path of the bundle to write; a bundle that exists there is used as well, other files are ignored
   * @throws AirgapError `file`, `bundle-invalid`
   */
  static async open(paths: readonly string[], emit: Emit, replaced?: string): Promise<EarlierBundles> {
    const bundles: Bundle[] = [];
    try {
      const open = (path: string): Promise<Bundle> =>
        runStep(emit, `opening ${printableLine(basename(path))}`, () => openBundle(path));
      for (const path of paths) bundles.push(await open(path));
      const existing = replaced === undefined ? undefined : await open(replaced).catch(() => undefined);
      if (existing !== undefined) bundles.push(existing);
    } catch (error) {
      for (const bundle of bundles) await bundle.close();
      throw error;
    }
    return new EarlierBundles(bundles, emit);
  }

  /** Reports whether any bundle has the blob, according to its headers. */
  hasBlob(descriptor: Descriptor): boolean {
    return this.#bundlesWith(descriptor).length > 0;
  }

  /**
   * Copies a blob to its offset in a file, as `fetchBlob` does.
   * @returns bytes copied; undefined if no bundle has an intact copy
   * @throws AirgapError `no-space`, `interrupted`
   */
  async copyBlob(
    node: BlobNode,
    offset: number,
    writtenBytes: number,
    options: Omit<FetchOptions, 'source'>,
  ): Promise<number | undefined> {
    const { descriptor } = node;
    if (writtenBytes >= descriptor.size) return undefined;
    let from = writtenBytes;
    for (const bundle of this.#bundlesWith(descriptor)) {
      try {
        return await fetchBlob(node, offset, from, { ...options, source: bundle });
      } catch (error) {
        if (options.signal?.aborted || (error instanceof AirgapError && error.code === 'no-space')) throw error;
        this.#warn(bundle, descriptor, error);
        from = 0;
      }
    }
    return undefined;
  }

  /** Returns the verified body of a small blob from these bundles; `fallback` for large blobs and after failures. */
  smallBlobBody(descriptor: Descriptor, fallback: Body): Body {
    const bundles = descriptor.size > SMALL_BLOB ? [] : this.#bundlesWith(descriptor);
    if (bundles.length === 0) return fallback;
    return {
      size: descriptor.size,
      reject: () => fallback.reject?.() ?? false,
      open: async (offset = 0, signal) => {
        for (const bundle of bundles) {
          try {
            const bytes = await bundle.read(descriptor);
            return Readable.from([bytes.subarray(offset)], { objectMode: false });
          } catch (error) {
            this.#warn(bundle, descriptor, error);
          }
        }
        return fallback.open(offset, signal);
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#bundles.map((bundle) => bundle.close()));
  }

  #bundlesWith({ digest, size }: Descriptor): Bundle[] {
    return this.#bundles.filter(({ entries }) => entries.get(digest)?.size === size);
  }

  #warn({ path }: Bundle, { digest }: Descriptor, error: unknown): void {
    this.#emit({
      type: 'warning',
      message: `cannot reuse ${digest} from ${path}, fetching it instead: ${messageOf(error)}`,
    });
  }
}
