import { Worker } from 'node:worker_threads';

/** Milliseconds that a busy main thread has after an interrupt; more than what runProgram gives itself. */
const PATIENCE = 1800;

/**
 * The thread that waits for Ctrl-C. Signals are told to the main thread alone, and not while it is busy; `breakOnSigint`
 * is the one way in which Node itself listens beside it. Until this thread waits, and where it cannot, the signal goes to
 * the main thread as ever. After the first one the next ends the process at once.
 */
const WATCH = `
const { parentPort } = require('node:worker_threads');
const { runInThisContext } = require('node:vm');
globalThis.never = new Int32Array(new SharedArrayBuffer(4));
try {
  runInThisContext('Atomics.wait(never, 0, 0)', { breakOnSigint: true });
} catch (error) {
  if (error.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
    parentPort.postMessage('SIGINT');
    Atomics.wait(never, 0, 0, ${PATIENCE});
    require('node:fs').writeSync(2, 'Error: interrupted\\nHint: run the same command again to continue\\n');
    process.kill(process.pid, 'SIGINT');
    Atomics.wait(never, 0, 0, 100);
    process.kill(process.pid, 'SIGKILL');
  }
}`;

let isWatching = false;

/**
 * Sees to it that Ctrl-C ends a process whose main thread is busy, and is told to one that is not. The thread takes 30 ms
 * of processor time, so it is for runs that read what a chart renders; called again, it does nothing.
 */
export function watchInterrupts(process: NodeJS.Process): void {
  if (isWatching) return;
  isWatching = true;
  const watcher = new Worker(WATCH, { eval: true, env: {}, execArgv: [] });
  watcher.on('message', () => process.emit('SIGINT', 'SIGINT'));
  // A machine without room for a thread: the main thread hears of signals as long as it is not busy.
  watcher.on('error', () => {});
  watcher.unref();
}
