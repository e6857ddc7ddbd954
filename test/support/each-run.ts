import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SCRATCH } from './scratch.ts';

/**
 * Gives a run of vitest a temporary folder of its own, `airgap-PID-…`, for the tests and all that they start. What
 * is left in it when they have ended, and any process that still knows of it, fails the run. Whatever is there of runs
 * that were killed is cleared away first.
 * @returns what looks at the end of the run
 */
export default function setUp(): () => Promise<void> {
  const place = tmpdir();
  for (const name of readdirSync(place)) {
    const pid = Number(/^airgap-(\d+)-/.exec(name)?.[1]);
    const isOurs = pid > 0 && statSync(join(place, name), { throwIfNoEntry: false })?.uid === process.getuid?.();
    if (isOurs && !isAlive(pid)) clear(join(place, name));
  }
  const folder = mkdtempSync(join(place, `airgap-${process.pid}-`));
  process.env.TMPDIR = folder;
  return async () => {
    process.env.TMPDIR = place;
    // Who was told to end may need a moment.
    for (const until = Date.now() + 2000; Date.now() < until && processesOf(folder).length > 0; ) await sleep(50);
    // Vitest calls no hook of a file whose tests are all skipped, so a folder of `scratchFolder` may be left.
    const unowned = readdirSync(folder).filter((name) => !name.startsWith(SCRATCH));
    const left = [...unowned, ...clear(folder)];
    if (left.length === 0) return;
    // An error is only told; the exit code says whether the tests are good.
    process.exitCode = 1;
    throw new Error(`the tests left behind:\n${left.join('\n')}`);
  };
}

/** Ends the processes that know of a folder, and removes it. @returns their command lines */
function clear(folder: string): string[] {
  const ended = processesOf(folder).map(({ pid, line }) => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    return line;
  });
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return ended;
}

/** Processes with a folder in their arguments or environment, where the machine says so; not vitest's own. */
function processesOf(folder: string): { readonly pid: number; readonly line: string }[] {
  if (process.platform !== 'linux') return [];
  const told = (pid: number, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      // It has ended, or is somebody else's.
      return '';
    }
  };
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .map((pid) => ({ pid, line: told(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
    .filter(({ pid, line }) => line.includes(folder) || told(pid, 'environ').includes(folder))
    .filter(({ line }) => !line.includes('vitest'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
