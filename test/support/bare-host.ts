import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { scratchFolder } from './scratch.ts';

/** A host with a fresh home and, of all programs, only those that a POSIX shell script needs: no Node, npm and git. */
export interface BareHost {
  readonly home: string;
  readonly env: Record<string, string>;
  /** Runs a program there; it may fail. */
  run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  /** Runs it. @throws Error if it fails */
  ok(program: string, ...args: string[]): Promise<string>;
}

/**
 * Creates such a host.
 * @param helm path of a Helm for the plugin
 * @param programs further programs, as paths
 */
export function bareHost(helm = '', programs: readonly string[] = []): BareHost {
  const home = scratchFolder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  for (const path of [...['dirname', 'readlink', 'uname'].map((name) => `/usr/bin/${name}`), ...programs])
    symlinkSync(path, join(bin, path.slice(path.lastIndexOf('/') + 1)));
  const env = { PATH: bin, HOME: home, TMPDIR: home, ...(helm && { HELM_BIN: helm }) };
  const run: BareHost['run'] = async (program, ...args) => {
    const { exitCode, stdout, stderr } = await execa(program, args, {
      env,
      extendEnv: false,
      cwd: home,
      reject: false,
      stdin: 'ignore',
    });
    return { code: exitCode ?? -1, stdout, stderr };
  };
  const ok: BareHost['ok'] = async (program, ...args) => {
    const { code, stdout, stderr } = await run(program, ...args);
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  };
  return { home, env, run, ok };
}
