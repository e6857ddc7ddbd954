import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CODE_CACHE, SCRATCH } from './scratch.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What builds make in the checkout, also while tests run. */
const MADE = ['.cache', 'dist', 'packages'];

/**
 * Creates a temporary folder for a run of vitest, `airgap-PID-…`, used by the tests and the programs that they start. Files
 * left in it at the end, processes that still use it, and new files in the checkout fail the run. Removes the folders of killed
 * runs first.
 * @returns teardown that checks the folder
 */
export default function setUp(): () => Promise<void> {
  const parent = tmpdir();
  for (const name of readdirSync(parent)) {
    const pid = Number(/^airgap-(\d+)-/.exec(name)?.[1]);
    const isOurs = pid > 0 && statSync(join(parent, name), { throwIfNoEntry: false })?.uid === process.getuid?.();
    if (isOurs && !isAlive(pid)) clear(join(parent, name));
  }
  const checkout = new Set([...readdirSync(ROOT), ...MADE]);
  const folder = mkdtempSync(join(parent, `airgap-${process.pid}-`));
  process.env.TMPDIR = folder;
  process.env[CODE_CACHE] = join(folder, `${SCRATCH}code-cache`);
  return async () => {
    process.env.TMPDIR = parent;
    // Processes that were asked to end may need a moment.
    for (const until = Date.now() + 2000; Date.now() < until && processesOf(folder).length > 0; ) await sleep(50);
    // Vitest calls no hooks of a file whose tests are all skipped, so a folder of `scratchFolder` may be left.
    const unowned = readdirSync(folder).filter((name) => !name.startsWith(SCRATCH));
    const written = readdirSync(ROOT).filter((name) => !checkout.has(name));
    const left = [...unowned, ...clear(folder), ...written.map((name) => join(ROOT, name))];
    if (left.length === 0) return;
    // Vitest only prints the error; the exit code makes the run fail.
    process.exitCode = 1;
    throw new Error(`the tests left behind:\n${left.join('\n')}`);
  };
}

/** Kills the processes that use a folder, and removes it. @returns their command lines */
function clear(folder: string): string[] {
  const ended = processesOf(folder).map(({ pid, line }) => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has already ended.
    }
    return line;
  });
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return ended;
}

/** Processes with a folder in their arguments or environment (Linux only), except vitest's own. */
function processesOf(folder: string): { readonly pid: number; readonly line: string }[] {
  if (process.platform !== 'linux') return [];
  const readProc = (pid: number, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      // It has ended, or belongs to another user.
      return '';
    }
  };
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .map((pid) => ({ pid, line: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
    .filter(({ pid, line }) => line.includes(folder) || readProc(pid, 'environ').includes(folder))
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
