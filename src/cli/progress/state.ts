import type { AirgapEvent, Plan } from '../../base/events.ts';
import { Transfer, type TransferStatus } from './transfer.ts';

/** What a run is doing, for a display. Times in milliseconds, sizes in bytes. */
export interface Snapshot {
  /** Open steps, oldest first. */
  readonly steps: readonly StepStatus[];
  /** The running transfer; undefined before the first one and after the last blob. */
  readonly transfer?: TransferStatus;
  /** Retries of the whole run. */
  readonly retries: number;
}

export interface StepStatus {
  readonly title: string;
  readonly elapsed: number;
  /** Items done so far, if the step counts them, and their number if that is known. */
  readonly items?: { readonly done: number; readonly total?: number };
}

/** Computes what a run is doing from its events. */
export class RunState {
  readonly #now: () => number;
  readonly #steps = new Map<string, { title: string; started: number; done: number; total: number | undefined }>();
  #transfer: Transfer | undefined;
  #retries = 0;
  #received = 0;
  /** Duration of the earlier transfers. */
  #earlier = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Bytes that were transferred in the whole run, repeated ones included. */
  get received(): number {
    return this.#received;
  }

  /** Retries of the run. */
  get retries(): number {
    return this.#retries;
  }

  /** Blobs are outstanding. */
  get isTransferring(): boolean {
    return this.#transfer?.isComplete === false;
  }

  /** Duration of all transfers in milliseconds. */
  get transferTime(): number {
    return this.#earlier + (this.#transfer?.duration() ?? 0);
  }

  handle(event: AirgapEvent): void {
    if (event.type === 'step') {
      this.#steps.set(event.step, { title: event.title, started: this.#now(), done: 0, total: event.total });
    } else if (event.type === 'step-progress') {
      const step = this.#steps.get(event.step);
      if (step !== undefined) step.done = event.done;
    } else if (event.type === 'step-end') this.#steps.delete(event.step);
    else if (event.type === 'plan') this.#plan(event);
    else if (event.type === 'retry') {
      this.#retries++;
      this.#transfer?.retry(event.digest, event.target);
    } else if (event.type === 'bytes') {
      this.#received += event.bytes;
      this.#transfer?.receive(event.digest, event.target, event.bytes);
    } else if (event.type === 'blob') this.#transfer?.change(event);
    else if (event.type === 'image') this.#transfer?.completeItem();
  }

  snapshot(): Snapshot {
    const now = this.#now();
    const steps = [...this.#steps.values()].map(({ title, started, done, total }) => ({
      title,
      elapsed: now - started,
      ...((total ?? done) > 0 && { items: { done, ...(total !== undefined && { total }) } }),
    }));
    const transfer = this.isTransferring ? this.#transfer?.status() : undefined;
    return { steps, ...(transfer && { transfer }), retries: this.#retries };
  }

  /** A plan adds to a transfer that is running, and begins a new one after it. */
  #plan(plan: Plan & { readonly target?: string }): void {
    if (this.#transfer === undefined || this.#transfer.isComplete) {
      this.#earlier = this.transferTime;
      this.#transfer = new Transfer(plan.activity, this.#now);
    }
    this.#transfer.add(plan);
  }
}
