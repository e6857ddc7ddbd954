import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How the names of the folders begin. They are short: podman takes no folder of more than 50 characters. */
export const SCRATCH = 'air-';

const folders = new Set<string>();
process.on('exit', removeScratch);

/**
 * A temporary folder, the only way in which tests get one. It is gone when the test file has ended (`each-file.ts`), and
 * outside of vitest when the process has; in a run of vitest it lies in the run's own folder (`each-run.ts`).
 */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH));
  folders.add(folder);
  return folder;
}

/** Removes every folder that `scratchFolder` has given out in this process. */
export function removeScratch(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}
