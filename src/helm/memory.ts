import { readFileSync } from 'node:fs';

/** Milliseconds between two looks. Go takes a GiB from the system in about half a second. */
const INTERVAL = 100;

/**
 * Watches how much memory a process has (its resident set, in bytes), and tells once when that is more than the limit.
 * Linux alone says so without another program; elsewhere Go's own soft limit has to do.
 * @returns ends the watch
 */
export function watchMemory(pid: number | undefined, limit: number, exceeded: () => void): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {};
  const timer = setInterval(() => {
    if (residentBytes(pid) <= limit) return;
    clearInterval(timer);
    exceeded();
  }, INTERVAL);
  return () => clearInterval(timer);
}

/** 0 for a process that is gone. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
