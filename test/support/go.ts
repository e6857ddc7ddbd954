import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const programs = join(import.meta.dirname, '../../fixtures/programs');

/** Reason why Go programs cannot be compiled; undefined if Go is installed. */
export function withoutGo(): string | undefined {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'Go is not installed';
  }
}

/**
 * Compiles a program of fixtures/programs for linux/amd64, without network access.
 * @param out the program to write
 */
export function compile(name: string, out: string, flags: readonly string[]): void {
  const env = { ...process.env, GOOS: 'linux', GOARCH: 'amd64', CGO_ENABLED: '0', GOFLAGS: '', GOPROXY: 'off' };
  execFileSync('go', ['build', '-buildvcs=false', ...flags, '-o', out, '.'], { cwd: join(programs, name), env });
}

/**
 * Returns the folder of a module that a program of fixtures/programs pins, or why it is not here. Nothing is compiled.
 * @param module its path
 */
export function moduleFolder(name: string, module: string): { readonly folder: string } | { readonly missing: string } {
  const missing = withoutGo();
  if (missing !== undefined) return { missing };
  const { status, stdout, stderr } = spawnSync('go', ['mod', 'download', '-json', module], {
    cwd: join(programs, name),
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === 0) return { folder: JSON.parse(stdout).Dir };
  return { missing: `Go cannot fetch ${module}: ${`${stdout}${stderr}`.trim().split('\n').at(-1)}` };
}

/** Milliseconds for modules and a cold compiler; an idle machine takes a quarter. */
const MODULE_LIMIT = 200_000;

/**
 * Compiles a program of fixtures/programs that needs modules, for this machine. Modules come from Go's cache or from its
 * configured proxy.
 * @returns reason to skip tests that need it, if it cannot be built
 */
export function compileWithModules(name: string, out: string): string | undefined {
  const missing = withoutGo();
  if (missing !== undefined) return missing;
  const { status, stderr } = spawnSync('go', ['build', '-buildvcs=false', '-mod=readonly', '-o', out, '.'], {
    cwd: join(programs, name),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local' },
    encoding: 'utf8',
    timeout: MODULE_LIMIT,
    // With SIGINT Go ends its compilers and keeps their results for the next time.
    killSignal: 'SIGINT',
  });
  return status === 0 ? undefined : `Go cannot build ${name}: ${(stderr ?? '').trim().split('\n').at(-1)}`;
}
