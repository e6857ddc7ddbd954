import { Thread, type ThreadEvents, ThreadLost } from '../base/thread.ts';
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
  #thread: Thread<ScanJob, ScanMessage> | undefined;
  /** Receivers of the image that is being scanned. */
  #current: ThreadEvents<ScanMessage> | undefined;
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
    await this.#thread?.close();
  }

  async #run(job: ScanJob): Promise<ImageFindings | undefined> {
    if (this.#isClosed) throw new Error('the scan was not started');
    const thread = this.#thread ?? this.#start();
    this.#thread = thread;
    const outcome = Promise.withResolvers<ImageFindings | undefined>();
    const { fileTimeout, imageTimeout } = this.#limits;
    let file: string | undefined;
    const abandon = (reason: string): void =>
      outcome.reject(new ThreadLost(`${file === undefined ? '' : `/${file}: `}${reason}`));
    const fileTimedOut = (): void => abandon(`scanning took more than ${fileTimeout / 1000} s`);
    let fileTimer = setTimeout(fileTimedOut, fileTimeout);
    const imageTimer = setTimeout(
      () => outcome.reject(new ThreadLost(`scanning the image took more than ${imageTimeout / 1000} s`)),
      imageTimeout,
    );
    const onMessage = (message: ScanMessage): void => {
      clearTimeout(fileTimer);
      if (message.type === 'found') outcome.resolve(message.findings);
      else if (message.type === 'failed') outcome.reject(new Error(message.reason));
      else fileTimer = setTimeout(fileTimedOut, fileTimeout);
      if (message.type === 'alive' && message.file !== undefined) file = message.file;
    };
    const onLost = (error?: NodeJS.ErrnoException): void => {
      if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY')
        abandon(`scanning needs more than ${this.#limits.memory} MB of memory`);
      else abandon(error?.message ?? 'the scan thread ended unexpectedly');
    };
    this.#current = { onMessage, onLost };
    try {
      thread.send(job);
      return await outcome.promise;
    } catch (error) {
      if (error instanceof ThreadLost) {
        this.#thread = undefined;
        await thread.close();
      }
      throw error;
    } finally {
      clearTimeout(fileTimer);
      clearTimeout(imageTimer);
      this.#current = undefined;
    }
  }

  #start(): Thread<ScanJob, ScanMessage> {
    return new Thread(
      { beside: import.meta.url, source: './thread.ts', built: './inside-thread.cjs' },
      {
        onMessage: (message: ScanMessage) => this.#current?.onMessage(message),
        onLost: (error) => {
          this.#thread = undefined;
          this.#current?.onLost(error);
        },
      },
      { resourceLimits: { maxOldGenerationSizeMb: this.#limits.memory } },
    );
  }
}
