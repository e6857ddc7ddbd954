import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Environment, environmentFor, type Reach } from './environment.ts';
import { watchMemory } from './memory.ts';

/** Where a program runs: environment and working folder (absolute). */
export interface Surroundings {
  readonly env: Environment;
  readonly cwd: string;
  /** Aborts when the user interrupts. */
  readonly signal?: AbortSignal;
  /** Sees to it that an interrupt ends the process while it is busy with what Helm has said. */
  readonly watchInterrupts?: () => void;
}

export interface HelmResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** That it was ended for it, in words; it counts as a failure of its. */
  readonly ended?: string;
}

export interface RunOptions {
  /** What of the user's environment it gets; nothing that holds secrets unless told. */
  readonly reach?: Reach;
  /** Variables besides. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is ended; for ever unless told. */
  readonly patience?: number;
  /** Bytes of memory that it may have, 2 GiB unless told. */
  readonly memory?: number;
}

/** Bytes of memory for one Helm. The largest charts and repository indexes known take a quarter of it. */
const MEMORY_LIMIT = 2 * 1024 ** 3;

/** Characters of output that are searched before anybody can interrupt it. The thread for longer ones takes 40 ms. */
const SHORT = 32 * 1024;

/** Bytes of output. What is larger than this no cluster takes: a release has to fit into a Secret of 1 MiB, compressed. */
const OUTPUT_LIMIT = 128 * 1024 ** 2;

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
  readonly #context: Surroundings;

  constructor(surroundings: Surroundings) {
    this.path = findHelm(surroundings);
    this.#context = surroundings;
  }

  /**
   * Runs Helm and gives its output whatever the exit code; what a failure means is the caller's to say.
   * HELM_DEBUG is turned off for the child: it would put values, secrets among them, into what we read. Its garbage
   * collector may take its time, unless somebody has set it: a render is over before it pays, and a fifth faster.
   * @throws AirgapError `helm-missing` when the program cannot be started, `interrupted`
   */
  async run(args: readonly string[], options: RunOptions = {}): Promise<HelmResult> {
    const { env, cwd, signal, watchInterrupts } = this.#context;
    const { reach = 'nothing', patience, memory = MEMORY_LIMIT } = options;
    const over = patience === undefined ? undefined : AbortSignal.timeout(patience);
    const ends = [signal, over].filter((one) => one !== undefined);
    // Go collects in time for this; what it cannot collect is seen from outside.
    const go = { GOGC: '400', GOMEMLIMIT: String(Math.floor(memory * 0.75)) };
    const { execa } = await import('execa');
    const run = execa(this.path, args, {
      cwd,
      env: { ...go, ...environmentFor(reach, env), ...options.env, HELM_DEBUG: 'false' },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: OUTPUT_LIMIT,
      ...(ends.length === 0 ? {} : { cancelSignal: AbortSignal.any(ends) }),
      // Helm catches the gentle signals, and goes on with a template that does not end.
      forceKillAfterDelay: 500,
      stdin: 'ignore',
    });
    let isTooLarge = false;
    const endWatch = watchMemory(run.pid, memory, () => {
      isTooLarge = true;
      run.kill('SIGKILL');
    });
    const result = await run.finally(endWatch);
    if (result.stdout.length + result.stderr.length > SHORT) watchInterrupts?.();
    // Ctrl-C reaches Helm too, and whatever it says then is no answer.
    if (signal?.aborted || result.signal === 'SIGINT') throw new AirgapError('interrupted', 'interrupted');
    if (isTooLarge) return failed(`it took more than ${memory / 1024 ** 2} MiB of memory`);
    if (result.isMaxBuffer) return failed(`it wrote more than ${OUTPUT_LIMIT / 1024 ** 2} MiB`);
    if (over?.aborted && result.exitCode === undefined) {
      return failed(`it did not end within ${(patience as number) / 1000} s`);
    }
    if (result.exitCode === undefined) {
      // Not the short message: it repeats the arguments.
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
    return /\bv?(\d+\.\d+\.\d+[\w.-]*)/.exec(stdout.slice(0, 1000))?.[1] ?? 'unknown';
  }

  /** 3 or 4; 0 when it does not say. */
  async major(): Promise<number> {
    return Number(/^\d+/.exec(await this.version())?.[0] ?? 0);
  }
}

function failed(ended: string): HelmResult {
  return { stdout: '', stderr: ended, exitCode: 1, ended };
}
