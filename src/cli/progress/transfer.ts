import type { AirgapEvent, Plan } from '../../base/events.ts';

export interface TransferStatus {
  readonly activity: string;
  readonly elapsed: number;
  readonly items?: { readonly noun: string; readonly done: number; readonly total: number };
  /** Neither falls, except that a new transfer begins at 0. */
  readonly bytes: { readonly done: number; readonly total: number };
  /** 0 to 100; never falls within a transfer, and is 100 only at its end. */
  readonly percent: number;
  /** Bytes a second over the last seconds; undefined until it can be told. */
  readonly rate?: number;
  readonly timeLeft?: number;
  /** Time since the last byte while blobs are in transfer, if it is long. */
  readonly idle?: number;
  /** Images, charts or files in transfer, in the order in which they began. */
  readonly active: readonly OwnerStatus[];
}

export interface OwnerStatus {
  readonly name: string;
  readonly bytes: { readonly done: number; readonly total: number };
  /** Time since the last byte, if it is long. */
  readonly idle?: number;
  /** All bytes are sent, and the registry has not confirmed them yet. */
  readonly isAwaitingAnswer: boolean;
  /** Retries of its blobs. */
  readonly retries: number;
}

/** Silence of this length is shown. Slow connections send something more often. */
const IDLE_AFTER = 5_000;
/** The rate is measured over this time. */
const RATE_WINDOW = 10_000;
/** Time between two samples of the rate. */
const SAMPLE_INTERVAL = 500;
/** Time after which rate and time left are shown; the first moments say little. */
const RATE_AFTER = 2_000;

interface Blob {
  readonly size: number;
  readonly owner: Owner | undefined;
  /** Bytes of the current attempt, and the most that any attempt had. */
  attempt: number;
  most: number;
  lastByte: number;
}

interface Owner {
  readonly name: string;
  total: number;
  done: number;
  retries: number;
  readonly active: Set<Blob>;
}

/** Plans that overlap in time, and how far they are. */
export class Transfer {
  readonly #activity: string;
  readonly #now: () => number;
  readonly #started: number;
  #ended: number | undefined;
  /** By target and digest. */
  readonly #blobs = new Map<string, Blob>();
  /** By target and name. */
  readonly #owners = new Map<string, Owner>();
  readonly #active = new Set<Owner>();
  #items: { readonly noun: string; done: number; total: number } | undefined;
  #open = 0;
  #done = 0;
  #total = 0;
  #percent = 0;
  #received = 0;
  #lastByte: number;
  /** Received bytes over the last seconds, oldest first. */
  #samples: { readonly time: number; readonly received: number }[];

  constructor(activity: string, now: () => number) {
    this.#activity = activity;
    this.#now = now;
    this.#started = now();
    this.#lastByte = this.#started;
    this.#samples = [{ time: this.#started, received: 0 }];
  }

  /** No planned blob is outstanding. */
  get isComplete(): boolean {
    return this.#open === 0;
  }

  /** Time until its last blob, or until now. */
  duration(): number {
    return (this.#ended ?? this.#now()) - this.#started;
  }

  add({ items, blobs, target = '' }: Plan & { readonly target?: string }): void {
    if (items !== undefined) {
      this.#items ??= { noun: items.noun, done: 0, total: 0 };
      this.#items.total += items.total;
    }
    const planned = this.#now();
    for (const { digest, bytes, owner: name } of blobs) {
      const key = nameAt(target, digest);
      const known = this.#blobs.get(key);
      this.#total += bytes;
      this.#open++;
      const owner = name === undefined ? undefined : this.#owner(nameAt(target, name), name);
      if (owner !== undefined) owner.total += bytes;
      // A blob that is planned again, because it has to be sent again, counts again.
      if (known !== undefined) this.#finish(known);
      this.#blobs.set(key, { size: bytes, owner, attempt: 0, most: 0, lastByte: planned });
    }
  }

  #owner(key: string, name: string): Owner {
    const known = this.#owners.get(key);
    if (known !== undefined) return known;
    const owner: Owner = { name, total: 0, done: 0, retries: 0, active: new Set() };
    this.#owners.set(key, owner);
    return owner;
  }

  change({
    digest,
    target = '',
    status,
    position = 0,
  }: Extract<AirgapEvent, { type: 'blob' }> & { readonly target?: string }): void {
    const blob = this.#blobs.get(nameAt(target, digest));
    if (blob === undefined) return;
    if (status === 'started') {
      blob.attempt = 0;
      this.#count(blob, position);
      blob.lastByte = this.#now();
      blob.owner?.active.add(blob);
      if (blob.owner !== undefined) this.#active.add(blob.owner);
    } else {
      if (status !== 'failed') this.#count(blob, blob.size - blob.attempt);
      this.#finish(blob);
      this.#blobs.delete(nameAt(target, digest));
    }
  }

  receive(digest: string | undefined, target = '', bytes: number): void {
    this.#received += bytes;
    this.#lastByte = this.#now();
    const last = this.#samples.at(-1);
    if (last === undefined || this.#lastByte - last.time >= SAMPLE_INTERVAL) this.#sample();
    if (digest === undefined) return;
    const blob = this.#blobs.get(nameAt(target, digest));
    if (blob === undefined) return;
    blob.lastByte = this.#lastByte;
    this.#count(blob, bytes);
  }

  retry(digest: string | undefined, target = ''): void {
    const owner = this.#blobs.get(nameAt(target, digest))?.owner;
    if (owner !== undefined) owner.retries++;
  }

  completeItem(): void {
    if (this.#items !== undefined && this.#items.done < this.#items.total) this.#items.done++;
  }

  status(): TransferStatus {
    this.#sample();
    const now = this.#now();
    const exact = this.#total === 0 ? 0 : Math.floor((100 * this.#done) / this.#total);
    this.#percent = Math.max(this.#percent, Math.min(exact, 99));
    const elapsed = this.duration();
    const idle = now - this.#lastByte;
    const isIdle = idle >= IDLE_AFTER && this.#active.size > 0;
    const rate = elapsed < RATE_AFTER ? undefined : this.#rate(now);
    const left = rate === undefined || rate === 0 ? undefined : ((this.#total - this.#done) / rate) * 1000;
    return {
      activity: this.#activity,
      elapsed,
      ...(this.#items && { items: { ...this.#items } }),
      bytes: { done: this.#done, total: this.#total },
      percent: this.#percent,
      ...(rate !== undefined && { rate }),
      ...(left !== undefined && left >= 1000 && !isIdle && { timeLeft: left }),
      ...(isIdle && { idle }),
      active: [...this.#active].map((owner) => ownerStatus(owner, now)),
    };
  }

  /** Counts bytes of the current attempt; those that an earlier attempt had are not counted again. */
  #count(blob: Blob, bytes: number): void {
    blob.attempt = Math.min(blob.size, blob.attempt + bytes);
    const gained = Math.max(0, blob.attempt - blob.most);
    blob.most += gained;
    this.#done += gained;
    if (blob.owner !== undefined) blob.owner.done += gained;
  }

  #finish(blob: Blob): void {
    this.#open--;
    if (this.#open === 0) this.#ended = this.#now();
    const { owner } = blob;
    if (owner === undefined) return;
    owner.active.delete(blob);
    if (owner.active.size === 0) this.#active.delete(owner);
  }

  #sample(): void {
    const time = this.#now();
    if (time === this.#samples.at(-1)?.time) return;
    this.#samples.push({ time, received: this.#received });
    const first = this.#samples.findIndex((sample) => sample.time >= time - RATE_WINDOW);
    this.#samples = this.#samples.slice(first);
  }

  #rate(now: number): number | undefined {
    const [first] = this.#samples;
    if (first === undefined || now - first.time < SAMPLE_INTERVAL) return undefined;
    return ((this.#received - first.received) / (now - first.time)) * 1000;
  }
}

/** Returns a key for a digest or a name at a target. With one target, it is no text of its own: that would be 5 MB. */
function nameAt(target: string, name: string | undefined): string {
  return target === '' ? `${name}` : `${target} ${name}`;
}

function ownerStatus({ name, total, done, retries, active }: Owner, now: number): OwnerStatus {
  const blobs = [...active];
  const idle = now - Math.max(...blobs.map(({ lastByte }) => lastByte));
  return {
    name,
    bytes: { done, total },
    ...(idle >= IDLE_AFTER && { idle }),
    isAwaitingAnswer: blobs.every(({ attempt, size }) => attempt === size),
    retries,
  };
}
