import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Program of a thread. */
export interface ThreadProgram {
  /** `import.meta.url` of a module in the same folder. */
  readonly beside: string;
  /** Its source, and the file that the build bundles it into (scripts/build.mjs). */
  readonly source: string;
  readonly built: string;
}

/** Receivers for what a thread sends and for its end. */
export interface ThreadEvents<From> {
  readonly onMessage: (message: From) => void;
  /** Called once when the thread ends, also after `close`, with the error that ended it. */
  readonly onLost: (error?: NodeJS.ErrnoException) => void;
}

/** The thread has ended, or was given up, before its work was done. */
export class ThreadLost extends Error {}

/** Main thread's side of another thread: messages of one type go there, those of another type come back. */
export class Thread<To, From> {
  readonly #worker: Worker;
  #isLost = false;

  /** Starts the thread. An error in it only ends it, not the process. */
  constructor(
    { beside, source, built }: ThreadProgram,
    { onMessage, onLost }: ThreadEvents<From>,
    options: WorkerOptions = {},
  ) {
    const end = (error?: NodeJS.ErrnoException): void => {
      if (this.#isLost) return;
      this.#isLost = true;
      onLost(error);
    };
    this.#worker = new Worker(new URL(beside.endsWith('.ts') ? source : built, beside), options)
      .on('message', onMessage)
      .on('error', end)
      .on('exit', () => end());
  }

  /** True after the end of the thread. */
  get isLost(): boolean {
    return this.#isLost;
  }

  send(message: To): void {
    this.#worker.postMessage(message);
  }

  /** Sets whether the thread keeps the process alive; as long as this is not called, it does. */
  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#worker.ref();
    else this.#worker.unref();
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
