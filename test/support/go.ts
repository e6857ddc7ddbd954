import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const programs = join(import.meta.dirname, '../../fixtures/programs');

/** Why nothing can be compiled here; undefined when Go is installed. */
export function withoutGo(): string | undefined {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'Go is not installed';
  }
}

/**
 * Compiles a program of fixtures/programs for linux/amd64, without anything from the network.
 * @param out the program to write
 */
export function compile(name: string, out: string, flags: readonly string[]): void {
  const env = { ...process.env, GOOS: 'linux', GOARCH: 'amd64', CGO_ENABLED: '0', GOFLAGS: '', GOPROXY: 'off' };
  execFileSync('go', ['build', '-buildvcs=false', ...flags, '-o', out, '.'], { cwd: join(programs, name), env });
}
