import type { Emit } from '../base/events.ts';
import type { Body, Sink, Source } from '../oci/content.ts';
import type { Digest } from '../oci/digest.ts';
import type { BlobNode } from '../oci/graph.ts';
import { isLarge, settleLanes } from '../oci/lanes.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { bodyOf, nameOf, steady } from '../oci/steady.ts';
import { checkAborted, failureOf } from './failure.ts';
import type { Presence } from './presence.ts';
import type { Turns } from './shared-source.ts';

export interface BlobOptions {
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Present when other copies read the same source at the same time. */
  readonly turns?: Turns;
}

/** A blob and the one repository to which its bytes are uploaded. */
export interface Shipment {
  readonly node: BlobNode;
  readonly home: Repository;
}

/** Uploads each blob once, to its target repository, and mounts it from there into other repositories. */
export class Blobs {
  readonly counts = { stored: 0, mounted: 0, present: 0 };
  /** Bytes of the blobs that were uploaded. */
  bytes = 0;
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #presence: Presence;
  readonly #options: BlobOptions;
  readonly #homes = new Map<Digest, { readonly shipment: Shipment; readonly sent: PromiseWithResolvers<void> }>();
  readonly #mounts = new Map<string, Promise<void>>();
  /** There are more small blobs than run at once, so that what is learned from the first ones helps the others. */
  readonly #isMany: boolean;
  #planned: number;

  constructor(source: Source, sink: Sink, presence: Presence, options: BlobOptions, shipments: readonly Shipment[]) {
    this.#source = source;
    this.#sink = sink;
    this.#presence = presence;
    this.#options = options;
    for (const shipment of shipments) {
      const sent = Promise.withResolvers<void>();
      // The failure is reported by the roots that need the blob; none of them may be waiting yet.
      sent.promise.catch(() => {});
      this.#homes.set(shipment.node.descriptor.digest, { shipment, sent });
    }
    this.#isMany = shipments.filter(({ node }) => !isLarge(node.descriptor)).length > options.concurrency;
    this.#planned = shipments.reduce((sum, { node }) => sum + node.descriptor.size, 0);
  }

  /** Uploads every blob to its target repository. Never throws: `uploaded` reports the failures. */
  async sendAll(): Promise<void> {
    this.#plan();
    const { concurrency, turns } = this.#options;
    turns?.expect(this.#homes.keys());
    const homes = [...this.#homes.values()].map((home) => ({ ...home, descriptor: home.shipment.node.descriptor }));
    await settleLanes(homes, concurrency, async ({ shipment, sent }) => {
      try {
        await this.#put(shipment.node, shipment.home);
        sent.resolve();
      } catch (error) {
        sent.reject(error);
      } finally {
        turns?.settle(shipment.node.descriptor.digest);
      }
    });
  }

  /** Waits until the blob is in its target repository. @throws AirgapError of its upload */
  sent(digest: Digest): Promise<void> {
    return this.#homes.get(digest)?.sent.promise ?? Promise.resolve();
  }

  /** Returns whether the blob is uploaded to another repository. */
  isElsewhere(digest: Digest, repository: Repository): boolean {
    const home = this.#homes.get(digest)?.shipment.home;
    return home !== undefined && formatRepository(home) !== formatRepository(repository);
  }

  /** Mounts an uploaded blob into another repository. */
  mount(digest: Digest, repository: Repository): Promise<void> {
    const key = `${formatRepository(repository)}@${digest}`;
    const running = this.#mounts.get(key);
    if (running !== undefined) return running;
    const { node, home } = (this.#homes.get(digest) as { shipment: Shipment }).shipment;
    const mounting = this.#put(node, repository, home);
    this.#mounts.set(key, mounting);
    return mounting;
  }

  /** Uploads a blob that a repository reported as present but lacks. @throws AirgapError */
  async resend(digest: Digest, repository: Repository): Promise<void> {
    const { node } = (this.#homes.get(digest) as { shipment: Shipment }).shipment;
    const { signal } = this.#options;
    try {
      await this.#sink.putBlob(repository, node.descriptor, this.#body(node, true), { signal });
    } catch (error) {
      throw failureOf(`blob ${digest} to ${formatRepository(repository)}`, error);
    }
    this.bytes += node.descriptor.size;
  }

  async #put(node: BlobNode, repository: Repository, mountFrom?: Repository): Promise<void> {
    const { emit, signal } = this.#options;
    const { descriptor } = node;
    const report = (skipped: boolean): void => {
      if (mountFrom === undefined) emit({ type: 'blob', digest: descriptor.digest, bytes: descriptor.size, skipped });
    };
    try {
      checkAborted(signal);
      const mounting = this.#sink.mounting?.(repository) ?? 'named';
      // Large blobs are checked with HEAD: if the mount failed after all, the whole blob would be uploaded again.
      const tells = mounting === 'tells' && !isLarge(descriptor);
      const from = mountFrom ?? (tells ? repository : undefined);
      if ((from === undefined || mounting === 'named') && (await this.#presence.has(repository, descriptor))) {
        this.counts.present++;
        report(true);
        return;
      }
      const body = this.#body(node, mountFrom !== undefined);
      const learn = mounting === 'any' && this.#isMany && !isLarge(descriptor);
      const how = await this.#sink.putBlob(repository, descriptor, body, { mountFrom: from, learn, signal });
      this.counts[how]++;
      if (how === 'stored') this.bytes += descriptor.size;
      report(how === 'present');
    } catch (error) {
      throw failureOf(`blob ${descriptor.digest} to ${formatRepository(repository)}`, error);
    }
  }

  /** Returns the body for the sink. After a refused mount the blob is read again, which adds its bytes to the plan. */
  #body(node: BlobNode, unplanned: boolean): Body {
    const { emit, signal } = this.#options;
    const inner = steady(bodyOf(this.#source, node), { what: nameOf(node), emit, signal });
    let grown = !unplanned;
    return {
      size: inner.size,
      open: async (offset, abort = signal) => {
        if (!grown) {
          grown = true;
          this.#planned += inner.size;
          this.#plan();
        }
        return inner.open(offset, abort);
      },
    };
  }

  #plan(): void {
    this.#options.emit({ type: 'plan', blobs: this.#homes.size, bytes: this.#planned });
  }
}
