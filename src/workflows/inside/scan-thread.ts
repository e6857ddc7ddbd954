import { Worker } from 'node:worker_threads';
import type { ImageFindings } from '../../inside/image.ts';
import type { FromScan, ScanJob } from './scan-job.ts';

/** How far a scan may go before it is given up. */
export interface ScanLimits {
  /** Megabytes of JavaScript objects. Programs are beside that: they are limited by their size. */
  readonly memory: number;
  /** Milliseconds without a sign of life: for one file, since between files it gives some. */
  readonly patience: number;
  /** Milliseconds for an image: each of a hostile one's many layers may be large for nothing. Real ones take some seconds. */
  readonly whole: number;
}

const LIMITS: ScanLimits = { memory: 512, patience: 120_000, whole: 600_000 };

/**
 * The main thread's end of a thread that scans images, one after another. Whatever a hostile image does to that thread, it
 * is only the image that is lost: the next has a new one.
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
   * Scans an image when those before it are done.
   * @returns undefined when it is for another processor
   * @throws Error why it was given up
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
    if (this.#isClosed) throw new Error('it was not begun');
    const worker = this.#worker ?? this.#start();
    this.#worker = worker;
    const end = Promise.withResolvers<ImageFindings | undefined>();
    const { patience, whole } = this.#limits;
    let file: string | undefined;
    const giveUp = (reason: string): void => end.reject(new Lost(`${file === undefined ? '' : `/${file}: `}${reason}`));
    const slow = (): void => giveUp(`it took more than ${patience / 1000} s`);
    let timer = setTimeout(slow, patience);
    const all = setTimeout(() => end.reject(new Lost(`it took more than ${whole / 1000} s`)), whole);
    const receive = (message: FromScan): void => {
      clearTimeout(timer);
      if (message.type === 'found') end.resolve(message.findings);
      else if (message.type === 'failed') end.reject(new Error(message.reason));
      else timer = setTimeout(slow, patience);
      if (message.type === 'alive' && message.file !== undefined) file = message.file;
    };
    const fail = (error: NodeJS.ErrnoException): void =>
      giveUp(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it needs too much memory' : error.message);
    const leave = (): void => giveUp('the scan has ended');
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
    // The build makes a file of its own of the thread; the sources are as many as they are.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './inside-thread.cjs';
    const resourceLimits = { maxOldGenerationSizeMb: this.#limits.memory };
    const worker = new Worker(new URL(file, import.meta.url), { resourceLimits });
    const drop = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // Between two images nobody else listens, and an error that nobody hears would end the program.
    return worker.on('error', drop).on('exit', drop);
  }
}

/** The thread is of no use any more. */
class Lost extends Error {}
