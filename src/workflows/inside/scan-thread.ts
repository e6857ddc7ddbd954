import { Worker } from 'node:worker_threads';
import type { ImageFindings } from '../../inside/image.ts';
import type { FromScan, ScanJob } from './scan-job.ts';

/** Limits after which a scan is stopped. */
export interface ScanLimits {
  /** Megabytes of JavaScript heap. Buffers of programs are not included; their size is limited separately. */
  readonly memory: number;
  /** Milliseconds without a heartbeat. Scanning one file blocks heartbeats, so this limits the time per file. */
  readonly patience: number;
  /** Milliseconds per image. Real images take some seconds; hostile ones may have many large layers. */
  readonly whole: number;
}

const LIMITS: ScanLimits = { memory: 512, patience: 120_000, whole: 600_000 };

/**
 * Runs scans of images on a worker thread, one after another. If a hostile image breaks the thread, only the scan of
 * that image is lost; the next one gets a new thread.
 */
export class ScanThread {
  readonly #limits: ScanLimits;
  #worker: Worker | undefined;
  #previous: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(limits: ScanLimits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * Scans an image after all earlier ones.
   * @returns undefined if the image is for another architecture
   * @throws Error with the reason why the scan was stopped
   */
  scan(job: ScanJob): Promise<ImageFindings | undefined> {
    const scan = this.#previous.then(() => this.#run(job));
    this.#previous = scan.catch(() => {});
    return scan;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  async #run(job: ScanJob): Promise<ImageFindings | undefined> {
    if (this.#isClosed) throw new Error('the scan was not started');
    const worker = this.#worker ?? this.#start();
    this.#worker = worker;
    const end = Promise.withResolvers<ImageFindings | undefined>();
    const { patience, whole } = this.#limits;
    let file: string | undefined;
    const giveUp = (reason: string): void => end.reject(new Lost(`${file === undefined ? '' : `/${file}: `}${reason}`));
    const slow = (): void => giveUp(`scanning took more than ${patience / 1000} s`);
    let timer = setTimeout(slow, patience);
    const all = setTimeout(() => end.reject(new Lost(`scanning the image took more than ${whole / 1000} s`)), whole);
    const receive = (message: FromScan): void => {
      clearTimeout(timer);
      if (message.type === 'found') end.resolve(message.findings);
      else if (message.type === 'failed') end.reject(new Error(message.reason));
      else timer = setTimeout(slow, patience);
      if (message.type === 'alive' && message.file !== undefined) file = message.file;
    };
    const fail = (error: NodeJS.ErrnoException): void =>
      giveUp(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `scanning needs more than ${this.#limits.memory} MB of memory`
          : error.message,
      );
    const leave = (): void => giveUp('the scan thread ended unexpectedly');
    worker.on('message', receive).on('error', fail).on('exit', leave);
    try {
      worker.postMessage(job);
      return await end.promise;
    } catch (error) {
      if (error instanceof Lost) {
        this.#worker = undefined;
        await worker.terminate();
      }
      throw error;
    } finally {
      clearTimeout(timer);
      clearTimeout(all);
      worker.off('message', receive).off('error', fail).off('exit', leave);
    }
  }

  #start(): Worker {
    // The build bundles the thread into a separate file.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './inside-thread.cjs';
    const resourceLimits = { maxOldGenerationSizeMb: this.#limits.memory };
    const worker = new Worker(new URL(file, import.meta.url), { resourceLimits });
    const drop = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // An unhandled error event between two images would end the process.
    return worker.on('error', drop).on('exit', drop);
  }
}

/** Failure after which the thread cannot be used again. */
class Lost extends Error {}
