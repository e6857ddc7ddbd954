import { Worker } from 'node:worker_threads';

/** Milliseconds before a busy main thread is killed after an interrupt; longer than the grace period of runProgram. */
const BUSY_GRACE = 1800;

/**
 * Source of a thread that waits for Ctrl-C. Node delivers signals only to the main thread, and only while it is idle;
 * `breakOnSigint` is the one exception. Until this thread waits, or if it cannot start, signals go to the main thread as
 * usual. After the first signal, the next one ends the process at once.
 */
const WATCHER_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { runInThisContext } = require('node:vm');
globalThis.never = new Int32Array(new SharedArrayBuffer(4));
try {
  runInThisContext('Atomics.wait(never, 0, 0)', { breakOnSigint: true });
} catch (error) {
  if (error.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
    parentPort.postMessage('SIGINT');
    Atomics.wait(never, 0, 0, ${BUSY_GRACE});
    require('node:fs').writeSync(2, 'Error: interrupted\\nHint: run the same command again to continue\\n');
    if (workerData !== undefined) require('node:fs').writeSync(1, workerData + '\\n');
    process.kill(process.pid, 'SIGINT');
    Atomics.wait(never, 0, 0, 100);
    process.kill(process.pid, 'SIGKILL');
  }
}`;

let isWatching = false;

/**
 * Makes Ctrl-C end a process whose main thread is busy. The thread takes 30 ms of processor time, so only runs that process
 * rendered charts start it. Further calls do nothing.
 * @param document written to stdout when the process is killed
 */
export function watchInterrupts(process: NodeJS.Process, document?: string): void {
  if (isWatching) return;
  isWatching = true;
  const watcher = new Worker(WATCHER_SOURCE, { eval: true, env: {}, execArgv: [], workerData: document });
  watcher.on('message', () => process.emit('SIGINT', 'SIGINT'));
  // No thread available: signals still reach an idle main thread.
  watcher.on('error', () => {});
  watcher.unref();
}
