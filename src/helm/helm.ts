import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';

/** Process environment, handed in from the edge. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a program runs: environment and working folder (absolute). */
export interface Surroundings {
  readonly env: Environment;
  readonly cwd: string;
  /** Aborts when the user interrupts. */
  readonly signal?: AbortSignal;
}

export interface HelmResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * The Helm that runs us: `HELM_BIN` as Helm sets it for plugins (what the user typed, so it can be relative), else the
 * first `helm` on the path.
 * @throws AirgapError `helm-missing`
 */
export function findHelm({ env, cwd }: Surroundings): string {
  const named = env.HELM_BIN;
  if (named) {
    const candidates = isAbsolute(named) || named.includes('/') ? [resolve(cwd, named)] : onPath(named, env, cwd);
    const found = candidates.find(isProgram);
    if (found) return found;
    throw new AirgapError('helm-missing', `HELM_BIN is "${named}", and there is no such program`, {
      hint: 'point HELM_BIN at a Helm 3.17 or newer, or run this as a plugin: helm airgap …',
    });
  }
  const found = onPath('helm', env, cwd).find(isProgram);
  if (found) return found;
  throw new AirgapError('helm-missing', 'Helm was not found: HELM_BIN is not set, and there is no helm on the path', {
    hint: 'install Helm 3.17 or newer, or set HELM_BIN to it',
  });
}

function onPath(name: string, env: Environment, cwd: string): string[] {
  return (env.PATH ?? '').split(delimiter).map((folder) => join(resolve(cwd, folder || '.'), name));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Runs one Helm binary in one place. */
export class Helm {
  readonly path: string;
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.path = findHelm(surroundings);
    this.#surroundings = surroundings;
  }

  /**
   * Runs Helm and gives its output whatever the exit code; what a failure means is the caller's to say.
   * HELM_DEBUG is turned off for the child: it would put values, secrets among them, into what we read. Its garbage
   * collector may take its time, unless somebody has set it: a render is over before it pays, and a fifth faster.
   * @param patience milliseconds after which it is ended, which counts as a failure of its; for ever unless told
   * @throws AirgapError `helm-missing` when the program cannot be started, `interrupted`
   */
  async run(args: readonly string[], patience?: number): Promise<HelmResult> {
    const { env, cwd, signal } = this.#surroundings;
    const over = patience === undefined ? undefined : AbortSignal.timeout(patience);
    const ends = [signal, over].filter((one) => one !== undefined);
    const { execa } = await import('execa');
    const result = await execa(this.path, args, {
      cwd,
      env: { GOGC: '400', ...env, HELM_DEBUG: 'false' },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: 1 << 30,
      ...(ends.length === 0 ? {} : { cancelSignal: AbortSignal.any(ends), forceKillAfterDelay: 1000 }),
      stdin: 'ignore',
    });
    // Ctrl-C reaches Helm too, and whatever it says then is no answer.
    if (signal?.aborted || result.signal === 'SIGINT') throw new AirgapError('interrupted', 'interrupted');
    if (over?.aborted && result.exitCode === undefined) {
      return { stdout: '', stderr: `it did not end within ${(patience as number) / 1000} s`, exitCode: 1 };
    }
    if (result.exitCode === undefined) {
      // Not the short message: it repeats the arguments, passwords among them.
      const reason = result.signal === undefined ? (result.originalMessage ?? '') : `it was ended by ${result.signal}`;
      throw new AirgapError('helm-missing', `${this.path} could not be run: ${reason}`, {
        hint: 'check that it is a Helm for this machine; set HELM_BIN to another one',
      });
    }
    return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode };
  }

  /** `3.17.3`, without the v and the build. */
  async version(): Promise<string> {
    const { stdout } = await this.run(['version', '--short']);
    return /v?(\d+\.\d+\.\d+[\w.-]*)/.exec(stdout)?.[1] ?? 'unknown';
  }

  /** 3 or 4; 0 when it does not say. */
  async major(): Promise<number> {
    return Number(/^\d+/.exec(await this.version())?.[0] ?? 0);
  }
}
