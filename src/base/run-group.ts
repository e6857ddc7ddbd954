import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from './errors.ts';

export interface GroupOptions {
  readonly cwd: string;
  /** All variables that it gets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** Bytes of its output that are kept: the last ones. */
  readonly tailBytes: number;
}

/** How a program ended, and the end of what it wrote to standard output and error, in the order in which it arrived. */
export type GroupEnd =
  | { readonly end: 'exit'; readonly code: number; readonly tail: string }
  | { readonly end: 'signal'; readonly name: string; readonly tail: string }
  | { readonly end: 'timeout'; readonly tail: string }
  /** It could not be started; `code` is that of the system error. */
  | { readonly end: 'not-run'; readonly code: string };

/** Milliseconds between asking a group to end and ending it. */
const GRACE = 2000;

/** Process ids of the leaders of running groups. */
const running = new Set<number>();
let isWatching = false;

/**
 * Runs a program, without standard input, as the leader of a process group of its own. What it started and left behind ends
 * with it, also on a time-out, an interrupt, and a forced exit of this process.
 * @throws AirgapError `interrupted`
 */
export async function runGroup(
  program: string,
  args: readonly string[],
  { cwd, env, signal, timeout, tailBytes }: GroupOptions,
): Promise<GroupEnd> {
  if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted');
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const tail = new Tail(tailBytes);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => tail.add(chunk));
  const { pid } = child;
  if (pid !== undefined) watch(pid);
  let isLate = false;
  let force: NodeJS.Timeout | undefined;
  const stop = (): void => {
    endGroup(pid, 'SIGTERM');
    force ??= setTimeout(() => endGroup(pid, 'SIGKILL'), GRACE);
  };
  const late = setTimeout(() => {
    isLate = true;
    stop();
  }, timeout);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const ended = await new Promise<{ code: number | null; name: string | null } | { failed: string }>((resolve) => {
      child.on('error', (error: NodeJS.ErrnoException) => resolve({ failed: error.code ?? error.message }));
      // Not `close`: a process that the program left behind may hold the pipes open.
      child.on('exit', (code, name) => {
        endGroup(pid, 'SIGKILL');
        void Promise.all([child.stdout, child.stderr].map(drained)).then(() => resolve({ code, name }));
      });
    });
    if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted');
    if ('failed' in ended) return { end: 'not-run', code: ended.failed };
    if (isLate) return { end: 'timeout', tail: tail.text() };
    return ended.code === null
      ? { end: 'signal', name: ended.name ?? '', tail: tail.text() }
      : { end: 'exit', code: ended.code, tail: tail.text() };
  } finally {
    clearTimeout(late);
    clearTimeout(force);
    signal?.removeEventListener('abort', stop);
    if (pid !== undefined) running.delete(pid);
  }
}

/** Milliseconds for reading what an ended program has written. A daemon that left the group may hold the pipe open. */
const DRAIN_TIME = 500;

/** Waits until a stream has ended, and closes it. */
async function drained(stream: Readable): Promise<void> {
  if (!stream.closed) {
    await Promise.race([
      new Promise((resolve) => stream.once('close', resolve)),
      sleep(DRAIN_TIME, undefined, { ref: false }),
    ]);
  }
  stream.destroy();
}

/** Sends a signal to a process group, if it has not ended. */
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** Ends the group when this process exits without waiting for it. */
function watch(pid: number): void {
  running.add(pid);
  if (isWatching) return;
  isWatching = true;
  process.on('exit', () => {
    for (const each of running) endGroup(each, 'SIGKILL');
  });
}

/** The last bytes of an output of any length. */
class Tail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 4 * this.#limit) return;
    this.#chunks = [this.#last()];
    this.#size = this.#limit;
    this.#isCut = true;
  }

  /** Returns the text, from the beginning of a line if something was cut off. */
  text(): string {
    const last = this.#last().toString('utf8');
    if (!this.#isCut && this.#size <= this.#limit) return last;
    return last.slice(last.indexOf('\n') + 1);
  }

  #last(): Buffer {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - this.#limit));
  }
}
