import { readFileSync } from 'node:fs';

/** Milliseconds between checks. Go allocates a GiB in about half a second. */
const INTERVAL = 100;

/**
 * Watches the memory of a process (resident set size, in bytes) and calls back once if it exceeds the limit. Only on
 * Linux, which shows the value in /proc; elsewhere only Go's soft limit applies.
 * @returns function that stops the watch
 */
export function watchMemory(pid: number | undefined, limit: number, onExceeded: () => void): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {};
  const timer = setInterval(() => {
    if (residentBytes(pid) <= limit) return;
    clearInterval(timer);
    onExceeded();
  }, INTERVAL);
  return () => clearInterval(timer);
}

/** Returns 0 if the process has ended. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
