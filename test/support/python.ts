import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Milliseconds for the installation, so that a slow network does not delay the tests. */
const INSTALL_LIMIT = 50_000;

/** Programs of PyPI in a virtual environment in .cache, which pip installs once for each list of versions. */
export interface PythonPrograms {
  /** Folder of the programs. */
  readonly bin: string;
  /** Installs them if necessary. @returns reason to skip tests that need them, if they cannot be installed */
  missing(): string | undefined;
}

/** @param name folder in .cache @param packages `NAME==VERSION` each */
export function pythonPrograms(name: string, packages: readonly string[]): PythonPrograms {
  const folder = join(import.meta.dirname, '../../.cache', name, packages.join('_').replaceAll('==', '-'));
  return { bin: join(folder, 'bin'), missing: () => install(folder, packages) };
}

function install(folder: string, packages: readonly string[]): string | undefined {
  const ready = join(folder, 'ready');
  if (existsSync(ready)) return undefined;
  const until = Date.now() + INSTALL_LIMIT;
  const pip = ['install', '--quiet', '--no-compile', '--disable-pip-version-check', ...packages];
  const steps: [string, readonly string[], string][] = [
    ['python3', ['-m', 'pip', '--version'], 'pip is not here'],
    ['python3', ['-m', 'venv', folder], 'python3 makes no virtual environment'],
    [join(folder, 'bin/pip'), pip, 'pip cannot install them'],
  ];
  rmSync(folder, { recursive: true, force: true });
  for (const [program, args, reason] of steps) {
    const { status, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      timeout: Math.max(1, until - Date.now()),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status === 0) continue;
    rmSync(folder, { recursive: true, force: true });
    const isLate = (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
    const why = isLate ? `that takes longer than ${INSTALL_LIMIT / 1000} s` : (stderr ?? '').trim().split('\n').at(-1);
    return why ? `${reason}: ${why}` : reason;
  }
  mkdirSync(ready);
  return undefined;
}
