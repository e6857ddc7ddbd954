import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Prefix of the folders' names. Short, since podman accepts no path of more than 50 characters. */
export const SCRATCH = 'air-';

/**
 * Environment variable with the folder of Node's compile cache, which all runs of the plugin share. Most runs have a home of
 * their own, and would compile the program anew.
 */
export const CODE_CACHE = 'AIRGAP_TEST_CODE_CACHE';

/** Environment variable with the folder of the plugin that the runs start; the checkout if absent. */
export const PLUGIN = 'AIRGAP_TEST_PLUGIN';

const folders = new Set<string>();
process.on('exit', removeScratch);

/**
 * Creates a temporary folder; tests have no other way to get one. It is removed at the end of the test file (`each-file.ts`),
 * outside of vitest at the end of the process. In a run of vitest it is inside the run's own folder (`each-run.ts`).
 */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH));
  folders.add(folder);
  return folder;
}

/** Removes all folders that `scratchFolder` has created in this process. */
export function removeScratch(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}
