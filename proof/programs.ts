import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Result of a program. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall time in seconds. */
  readonly seconds: number;
}

/** Maximum output in bytes; the largest render of the corpus has 6 MB. */
const MAX_OUTPUT = 2 ** 28;

/** Runs a program, whatever its exit code. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Run {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env, maxBuffer: MAX_OUTPUT });
  return { status, stdout, stderr, seconds: (performance.now() - begun) / 1000 };
}

/** A Helm that counts its renders. */
export interface CountingHelm {
  readonly path: string;
  /** Returns the number of renders since the last call. */
  take(): number;
}

/** Writes a script in `folder` (absolute) that logs each `helm template` and calls Helm. */
export function countingHelm(helm: string, folder: string): CountingHelm {
  const path = join(folder, 'helm');
  const log = join(folder, 'renders');
  const note = `[ "$1" != template ] || echo >> '${log}'`;
  writeFileSync(path, `#!/bin/sh\n${note}\nexec '${helm}' "$@"\n`);
  chmodSync(path, 0o755);
  const take = (): number => {
    const count = existsSync(log) ? readFileSync(log, 'utf8').length : 0;
    rmSync(log, { force: true });
    return count;
  };
  return { path, take };
}
