import { type Environment, withoutOwnSecrets } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';

/** Milliseconds for a helper, which may prompt the user or access a slow network store. */
export const HELPER_TIMEOUT = 60_000;

/** Maximum bytes of output. Tokens of cloud providers have a few thousand. */
const OUTPUT_LIMIT = 1024 * 1024;

/** Maximum characters of its words in a message. */
const WORDS_LIMIT = 300;

/** A run of a credential helper. */
export interface HelperRun {
  /** Name in a credentials file: the program is `docker-credential-NAME`. */
  readonly name: string;
  readonly action: 'get' | 'store';
  /** Standard input: the key of the registry, or a login as JSON. */
  readonly input: string;
  /** Credentials file that names the helper, and the registry, for messages. */
  readonly file: string;
  readonly registry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. Default: a minute. */
  readonly timeout?: number;
  /** What to do by hand if it does not respond. */
  readonly byHand: string;
}

/** How a helper ended. */
export interface HelperEnd {
  readonly hasFailed: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Error of this helper. @param what verb and object: `returned invalid JSON` */
  error(what: string, isUnusable?: boolean, hint?: string): HelperError;
  /** Error that quotes what it wrote, without secrets. */
  failure(hint?: string): HelperError;
}

export class HelperError extends AirgapError {
  /** True when the helper would fail for other registries, too. */
  readonly isUnusable: boolean;

  constructor(
    message: string,
    isUnusable: boolean,
    hint = 'repair it, or log in again to store the login in the file',
  ) {
    super('config', message, { hint });
    this.isUnusable = isUnusable;
  }
}

/** Returns the variables that helpers get. */
export function helperEnvironment(env: Environment): Readonly<Record<string, string>> {
  const passed = Object.entries(withoutOwnSecrets(env)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(passed) as Record<string, string>;
}

/**
 * Runs `docker-credential-NAME` (protocol of github.com/docker/docker-credential-helpers): secrets go through standard input
 * and output only.
 * @throws HelperError if it is missing, cannot be run, does not respond or writes too much
 */
export async function runHelper(run: HelperRun): Promise<HelperEnd> {
  const { name, action, input, file, registry, env, timeout = HELPER_TIMEOUT, byHand } = run;
  const program = `docker-credential-${name}`;
  const error = (what: string, isUnusable = false, hint?: string): HelperError =>
    new HelperError(`credential helper ${program} (configured in ${file} for ${registry}) ${what}`, isUnusable, hint);
  if (/[/\\\0]/.test(name)) throw error('is a path instead of a name', true);
  const { execa } = await import('execa');
  const subprocess = execa(program, [action], {
    input,
    env,
    extendEnv: false,
    reject: false,
    maxBuffer: OUTPUT_LIMIT,
  });
  // Not execa's timeout, which would wait for a child of the helper that keeps its output open.
  const timedOut = Promise.withResolvers<'timeout'>();
  const timer = setTimeout(() => timedOut.resolve('timeout'), timeout);
  const result = await Promise.race([subprocess, timedOut.promise]).finally(() => clearTimeout(timer));
  if (result === 'timeout') {
    subprocess.kill('SIGKILL');
    subprocess.stdout.destroy();
    subprocess.stderr.destroy();
    subprocess.catch(() => {});
    throw error(`did not respond within ${timeout / 1000} s`, true, byHand);
  }
  if (result.code === 'ENOENT') {
    throw error('is not installed', true, `install it, or remove its name from ${file} and log in again`);
  }
  // Not execa's message, which has several lines.
  if (result.code === 'EACCES' || result.code === 'EPERM' || result.code === 'ENOEXEC') {
    const hint = `make ${program} executable for this user, or remove its name from ${file} and log in again`;
    throw error(`cannot be run: ${reasonOf({ code: result.code })}`, true, hint);
  }
  const { stdout, stderr, isMaxBuffer, exitCode, signal } = result;
  if (isMaxBuffer) throw error(`returned more than ${OUTPUT_LIMIT / 1024 ** 2} MiB`);
  return {
    hasFailed: result.failed,
    stdout,
    stderr,
    error,
    failure: (hint) => {
      // By the protocol, errors are written to stdout, and so are secrets.
      const output = `${stdout.includes('"Secret"') ? '' : stdout}\n${stderr}`.trim().slice(0, WORDS_LIMIT);
      const exitText = signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`;
      return error(`failed: ${output === '' ? `${exitText}, without output` : output}`, false, hint);
    },
  };
}
