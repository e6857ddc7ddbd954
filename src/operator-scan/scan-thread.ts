import { Worker } from 'node:worker_threads';
import type { WrittenBlob } from '../bundle/write.ts';
import type { ImageFindings } from './image/scan-image.ts';

/** Image to scan on a thread; its layers are in files. */
export interface ScanJob {
  /** Reference of the image. */
  readonly image: string;
  readonly publishers: readonly string[];
  /** Words of the commands in manifests. */
  readonly manifestWords: readonly string[];
  /** Undefined if the config is not available. */
  readonly config: WrittenBlob | Uint8Array | undefined;
  /** Layers from the bottom up. */
  readonly layers: readonly WrittenBlob[];
  /** True if the image is known to be for linux/amd64; otherwise its config is checked. */
  readonly isPlatformKnown: boolean;
}

/** Message from the scan thread. `alive` is a heartbeat; with `file`, the scan of that file starts. */
export type ScanMessage =
  | { readonly type: 'alive'; readonly file?: string }
  | { readonly type: 'found'; readonly findings: ImageFindings | undefined }
  | { readonly type: 'failed'; readonly reason: string };

/** Limits after which a scan is stopped. */
export interface ScanLimits {
  /** Megabytes of JavaScript heap. Buffers of programs are not included; their size is limited separately. */
  readonly memory: number;
  /** Milliseconds without a heartbeat. Scanning one file blocks heartbeats, so this limits the time per file. */
  readonly fileTimeout: number;
  /** Milliseconds per image. Real images take some seconds; hostile ones may have many large layers. */
  readonly imageTimeout: number;
}

const DEFAULT_LIMITS: ScanLimits = { memory: 512, fileTimeout: 120_000, imageTimeout: 600_000 };

/**
 * Runs scans of images on a worker thread, one after another. If a hostile image breaks the thread, only the scan of
 * that image is lost; the next one gets a new thread.
 */
export class ScanThread {
  readonly #limits: ScanLimits;
  #worker: Worker | undefined;
  #previous: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(limits: ScanLimits = DEFAULT_LIMITS) {
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
    const outcome = Promise.withResolvers<ImageFindings | undefined>();
    const { fileTimeout, imageTimeout } = this.#limits;
    let file: string | undefined;
    const abandon = (reason: string): void =>
      outcome.reject(new ThreadFailure(`${file === undefined ? '' : `/${file}: `}${reason}`));
    const fileTimedOut = (): void => abandon(`scanning took more than ${fileTimeout / 1000} s`);
    let fileTimer = setTimeout(fileTimedOut, fileTimeout);
    const imageTimer = setTimeout(
      () => outcome.reject(new ThreadFailure(`scanning the image took more than ${imageTimeout / 1000} s`)),
      imageTimeout,
    );
    const onMessage = (message: ScanMessage): void => {
      clearTimeout(fileTimer);
      if (message.type === 'found') outcome.resolve(message.findings);
      else if (message.type === 'failed') outcome.reject(new Error(message.reason));
      else fileTimer = setTimeout(fileTimedOut, fileTimeout);
      if (message.type === 'alive' && message.file !== undefined) file = message.file;
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      abandon(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `scanning needs more than ${this.#limits.memory} MB of memory`
          : error.message,
      );
    const onExit = (): void => abandon('the scan thread ended unexpectedly');
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    try {
      worker.postMessage(job);
      return await outcome.promise;
    } catch (error) {
      if (error instanceof ThreadFailure) {
        this.#worker = undefined;
        await worker.terminate();
      }
      throw error;
    } finally {
      clearTimeout(fileTimer);
      clearTimeout(imageTimer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    }
  }

  #start(): Worker {
    // The build bundles the thread into a separate file.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './inside-thread.cjs';
    const resourceLimits = { maxOldGenerationSizeMb: this.#limits.memory };
    const worker = new Worker(new URL(file, import.meta.url), { resourceLimits });
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // An unhandled error event between two images would end the process.
    return worker.on('error', forget).on('exit', forget);
  }
}

/** Failure after which the thread cannot be used again. */
class ThreadFailure extends Error {}
