import { AirgapError } from './errors.ts';

export interface ProgramOptions {
  readonly cwd: string;
  /** All variables that it gets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** Maximum bytes of output. */
  readonly maxBytes: number;
}

/** How a program ended. It has done what was asked if `output` is there. */
export type ProgramEnd =
  | { readonly output: string }
  | { readonly failure: 'missing' }
  | { readonly failure: 'too-long' }
  | { readonly failure: 'timeout' }
  | { readonly failure: 'not-run'; readonly code: string | undefined }
  | { readonly failure: 'failed'; readonly errors: string };

/**
 * Runs a program of the user, without standard input.
 * @param args none that foreign text decides may begin with a dash
 * @throws AirgapError `interrupted`
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, signal, timeout: milliseconds, maxBytes }: ProgramOptions,
): Promise<ProgramEnd> {
  const timeout = AbortSignal.timeout(milliseconds);
  const { execa } = await import('execa');
  const result = await execa(program, args, {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: maxBytes,
    cancelSignal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    forceKillAfterDelay: 500,
    stdin: 'ignore',
  });
  if (signal?.aborted || result.signal === 'SIGINT') throw new AirgapError('interrupted', 'interrupted');
  if (result.isMaxBuffer) return { failure: 'too-long' };
  if (result.exitCode === 0) return { output: result.stdout };
  if (timeout.aborted) return { failure: 'timeout' };
  if (result.code === 'ENOENT') return { failure: 'missing' };
  if (result.exitCode === undefined) return { failure: 'not-run', code: result.code };
  return { failure: 'failed', errors: result.stderr };
}
