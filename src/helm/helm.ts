import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { type EnvironmentScope, environmentFor } from './environment.ts';

/** Environment and working folder (absolute) of Helm. */
export interface HelmContext {
  readonly env: Environment;
  readonly cwd: string;
  readonly emit?: Emit;
  /** Aborts when the user interrupts. */
  readonly signal?: AbortSignal;
  /** Lets an interrupt end the process while it is busy parsing Helm's output. */
  readonly watchInterrupts?: () => void;
}

export interface HelmResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** Limit that Helm exceeded, for messages. Helm was stopped, which counts as its failure. */
  readonly limitExceeded?: string;
}

export interface HelmRunOptions {
  /** Scope of the user's environment that Helm receives; by default without secrets. */
  readonly scope?: EnvironmentScope;
  /** Additional variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which Helm is stopped; unlimited by default. */
  readonly timeout?: number;
  /** Maximum bytes of memory, by default 2 GiB. */
  readonly memory?: number;
}

/** Maximum bytes of memory for one run. The largest known charts and repository indexes need a quarter of it. */
const MEMORY_LIMIT = 2 * 1024 ** 3;

/** Output of this many characters is processed without watching for interrupts: starting the watch takes 40 ms. */
const MAX_BLOCKING_OUTPUT = 32 * 1024;

/** Maximum bytes of output. Clusters accept less: a compressed release must fit into a Secret of 1 MiB. */
const OUTPUT_LIMIT = 128 * 1024 ** 2;

/**
 * Returns the path of Helm: `HELM_BIN`, which Helm sets for plugins and which can be relative, else the first `helm` in
 * `PATH`.
 * @throws AirgapError `helm-missing`
 */
export function findHelm({ env, cwd }: HelmContext): string {
  const helmBin = env.HELM_BIN;
  if (helmBin) {
    const candidates =
      isAbsolute(helmBin) || helmBin.includes('/') ? [resolve(cwd, helmBin)] : pathCandidates(helmBin, env, cwd);
    const found = candidates.find(isProgram);
    if (found) return found;
    throw new AirgapError('helm-missing', `HELM_BIN is "${helmBin}", which is not an executable file`, {
      hint: 'set HELM_BIN to Helm 3.17 or newer, or run this as a plugin: helm airgap ...',
    });
  }
  const found = pathCandidates('helm', env, cwd).find(isProgram);
  if (found) return found;
  throw new AirgapError('helm-missing', 'Helm was not found: HELM_BIN is not set, and PATH contains no helm', {
    hint: 'install Helm 3.17 or newer, or set HELM_BIN to its path',
  });
}

function pathCandidates(name: string, env: Environment, cwd: string): string[] {
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

/** Runs a Helm binary in one environment and folder. */
export class Helm {
  readonly path: string;
  readonly emit: Emit;
  readonly #context: HelmContext;

  constructor(context: HelmContext) {
    this.path = findHelm(context);
    this.emit = context.emit ?? ignoreEvents;
    this.#context = context;
  }

  /**
   * Runs Helm and returns its output for any exit code; callers interpret failures.
   * HELM_DEBUG is disabled, since it would write values, including secrets, to the output. GOGC is 400 unless the user
   * has set it: renders are short, and less garbage collection makes them 20 % faster.
   * @throws AirgapError `helm-missing` if the program cannot be started, `interrupted`
   */
  async run(args: readonly string[], options: HelmRunOptions = {}): Promise<HelmResult> {
    const { env, cwd, signal, watchInterrupts } = this.#context;
    const { scope = 'nothing', timeout, memory = MEMORY_LIMIT } = options;
    const timeoutSignal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const cancelSignals = [signal, timeoutSignal].filter((candidate) => candidate !== undefined);
    // A soft limit for Go's garbage collector. watchMemory enforces the hard limit.
    const goSettings = { GOGC: '400', GOMEMLIMIT: String(Math.floor(memory * 0.75)) };
    const { execa } = await import('execa');
    const run = execa(this.path, args, {
      cwd,
      env: { ...goSettings, ...environmentFor(scope, env), ...options.env, HELM_DEBUG: 'false' },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: OUTPUT_LIMIT,
      ...(cancelSignals.length === 0 ? {} : { cancelSignal: AbortSignal.any(cancelSignals) }),
      // Helm catches SIGTERM and continues with a template that does not end.
      forceKillAfterDelay: 500,
      stdin: 'ignore',
    });
    let isTooLarge = false;
    const stopWatching = watchMemory(run.pid, memory, () => {
      isTooLarge = true;
      run.kill('SIGKILL');
    });
    const result = await run.finally(stopWatching);
    if (result.stdout.length + result.stderr.length > MAX_BLOCKING_OUTPUT) watchInterrupts?.();
    // Ctrl-C reaches Helm too, so its output is not a result.
    if (signal?.aborted || result.signal === 'SIGINT') throw new AirgapError('interrupted', 'interrupted');
    if (isTooLarge) return stoppedResult(`it needed more than ${memory / 1024 ** 2} MiB of memory`);
    if (result.isMaxBuffer) return stoppedResult(`its output exceeded ${OUTPUT_LIMIT / 1024 ** 2} MiB`);
    if (timeoutSignal?.aborted && result.exitCode === undefined) {
      return stoppedResult(`it did not end within ${(timeout as number) / 1000} s`);
    }
    if (result.exitCode === undefined) {
      // The short message would repeat the arguments.
      const reason =
        result.signal === undefined ? (result.originalMessage ?? '') : `it was stopped by ${result.signal}`;
      throw new AirgapError('helm-missing', `cannot run ${this.path}: ${reason}`, {
        hint: 'check that it is a Helm binary for this platform, or set HELM_BIN to another one',
      });
    }
    return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode };
  }

  /** Returns the version, such as `3.17.3`, without `v` and build metadata; `unknown` if Helm does not print one. */
  async version(): Promise<string> {
    const { stdout } = await this.run(['version', '--short'], { timeout: 30_000 });
    return /\bv?(\d+\.\d+\.\d+[\w.-]*)/.exec(stdout.slice(0, 1000))?.[1] ?? 'unknown';
  }

  /** Returns the major version, 3 or 4; 0 if unknown. */
  async major(): Promise<number> {
    return Number(/^\d+/.exec(await this.version())?.[0] ?? 0);
  }
}

function stoppedResult(limitExceeded: string): HelmResult {
  return { stdout: '', stderr: limitExceeded, exitCode: 1, limitExceeded };
}

/** Milliseconds between checks. Go allocates a GiB in about half a second. */
const INTERVAL = 100;

/**
 * Watches the memory of a process (resident set size, in bytes) and calls back once if it exceeds the limit. Only on
 * Linux, which shows the value in /proc; elsewhere only Go's soft limit applies.
 * @returns function that stops the watch
 */
function watchMemory(pid: number | undefined, limit: number, onExceeded: () => void): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {};
  const timer = setInterval(() => {
    if (residentBytes(pid) <= limit) return;
    clearInterval(timer);
    onExceeded();
  }, INTERVAL);
  return () => clearInterval(timer);
}

/** Returns 0 if the process has ended. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
