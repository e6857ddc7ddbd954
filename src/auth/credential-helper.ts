import { HUB_KEY } from '../base/docker-hub.ts';
import type { Environment } from '../base/environment.ts';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import { printableLine } from '../base/printable.ts';
import { registerSecret } from '../base/redact.ts';
import { runStep } from '../base/step.ts';
import type { AuthFile } from './auth-file.ts';
import type { Credential } from './keychain.ts';

/** Milliseconds for a helper, which may prompt the user or access a slow network store. */
const HELPER_TIMEOUT = 60_000;

/** Maximum bytes of output. Tokens of cloud providers have a few thousand. */
const OUTPUT_LIMIT = 1024 * 1024;

/** Variables not passed to helpers: our own secrets, and those of other registries. */
const WITHHELD_VARIABLES = /^(?:AIRGAP_|DOCKER_AUTH_CONFIG$)/;

/**
 * Runs the programs `docker-credential-NAME` configured in credentials files (protocol of
 * github.com/docker/docker-credential-helpers), once per helper and registry.
 */
export class CredentialHelpers {
  readonly #env: Readonly<Record<string, string>>;
  readonly #emit: Emit;
  readonly #timeout: number;
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  /** Default stores that have failed, and whether they are used for further registries. */
  readonly #failed = new Map<string, 'use' | 'skip'>();

  constructor(env: Environment, emit: Emit, timeout = HELPER_TIMEOUT) {
    const passed = Object.entries(env).filter(([name, value]) => value !== undefined && !WITHHELD_VARIABLES.test(name));
    this.#env = Object.fromEntries(passed) as Record<string, string>;
    this.#emit = emit;
    this.#timeout = timeout;
  }

  /**
   * Returns the credential from the helpers of a file for a registry; undefined without a helper or credential. A
   * helper configured for the registry (`credHelpers`) takes precedence; an empty name disables helpers. The default
   * store (`credsStore`) is for all registries, including public ones, so its failure is only a warning.
   * @throws AirgapError `config` when a helper configured for the registry is missing, fails or times out
   */
  async lookup(file: AuthFile, registry: string): Promise<Credential | undefined> {
    const helper = file.credHelpers.get(registry);
    if (helper !== undefined) return helper === '' ? undefined : this.#runOnce(helper, registry, file.file);
    const store = file.credsStore;
    if (store === undefined || this.#failed.get(store) === 'skip') return undefined;
    try {
      return await this.#runOnce(store, registry, file.file);
    } catch (error) {
      const message = `${messageOf(error)}; continuing without it`;
      if (!this.#failed.has(store)) this.#emit({ type: 'warning', message });
      const isUnusable = error instanceof HelperError && error.isUnusable;
      if (isUnusable || !this.#failed.has(store)) this.#failed.set(store, isUnusable ? 'skip' : 'use');
      return undefined;
    }
  }

  /** Reports whether the default store of a file has failed. */
  hasFailed({ credsStore }: AuthFile): boolean {
    return credsStore !== undefined && this.#failed.has(credsStore);
  }

  /** Drops the cached results for a registry. */
  forget(registry: string): void {
    for (const key of this.#credentials.keys()) if (key.endsWith(` ${registry}`)) this.#credentials.delete(key);
  }

  #runOnce(name: string, registry: string, file: string): Promise<Credential | undefined> {
    const key = `${name} ${registry}`;
    const title = printableLine(`running docker-credential-${name} for ${registry}`);
    const credential = this.#credentials.get(key) ?? runStep(this.#emit, title, () => this.#run(name, registry, file));
    this.#credentials.set(key, credential);
    return credential;
  }

  async #run(name: string, registry: string, file: string): Promise<Credential | undefined> {
    const program = `docker-credential-${name}`;
    const helperError = (what: string, isUnusable = false, hint?: string): HelperError =>
      new HelperError(`credential helper ${program} (configured in ${file} for ${registry}) ${what}`, isUnusable, hint);
    if (/[/\\\0]/.test(name)) throw helperError('is a path instead of a name', true);
    const { execa } = await import('execa');
    const subprocess = execa(program, ['get'], {
      input: registry === 'docker.io' ? HUB_KEY : registry,
      env: this.#env,
      extendEnv: false,
      reject: false,
      maxBuffer: OUTPUT_LIMIT,
    });
    // Not execa's timeout, which would wait for a child of the helper that keeps its output open.
    const timedOut = Promise.withResolvers<'timeout'>();
    const timer = setTimeout(() => timedOut.resolve('timeout'), this.#timeout);
    const result = await Promise.race([subprocess, timedOut.promise]).finally(() => clearTimeout(timer));
    if (result === 'timeout') {
      subprocess.kill('SIGKILL');
      subprocess.stdout.destroy();
      subprocess.stderr.destroy();
      subprocess.catch(() => {});
      const hint = `run it manually: echo ${registry === 'docker.io' ? HUB_KEY : registry} | ${program} get`;
      throw helperError(`did not respond within ${this.#timeout / 1000} s`, true, hint);
    }
    if (result.code === 'ENOENT') {
      throw helperError('is not installed', true, `install it, or remove its name from ${file} and log in again`);
    }
    // Not execa's message, which has several lines.
    if (result.code === 'EACCES' || result.code === 'EPERM' || result.code === 'ENOEXEC') {
      const hint = `make ${program} executable for this user, or remove its name from ${file} and log in again`;
      throw helperError(`cannot be run: ${reasonOf({ code: result.code })}`, true, hint);
    }
    const { stdout, stderr, isMaxBuffer, exitCode, signal } = result;
    if (isMaxBuffer) throw helperError(`returned more than ${OUTPUT_LIMIT / 1024 ** 2} MiB`);
    if (!result.failed) return parseOutput(stdout, `from the helper ${program} (configured in ${file})`, helperError);
    if (/credentials not found|no credentials server URL|no credentials username/i.test(`${stdout}\n${stderr}`)) {
      return undefined;
    }
    // By the protocol, errors are written to stdout, and so are secrets.
    const output = `${stdout.includes('"Secret"') ? '' : stdout}\n${stderr}`.trim().slice(0, 300);
    const exitText = signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`;
    throw helperError(`failed: ${output === '' ? `${exitText}, without output` : output}`);
  }
}

class HelperError extends AirgapError {
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

function parseOutput(
  stdout: string,
  source: string,
  helperError: (what: string) => AirgapError,
): Credential | undefined {
  let parsed: { Username?: unknown; Secret?: unknown } | null;
  try {
    parsed = JSON.parse(stdout);
  } catch {
    // The parser's message would quote the secret.
    throw helperError('returned invalid JSON');
  }
  const { Username, Secret } = parsed ?? {};
  if (typeof Username !== 'string' || typeof Secret !== 'string') throw helperError('returned no Username and Secret');
  if (Secret === '') return undefined;
  registerSecret(Secret);
  if (Username === '<token>') return { kind: 'identity-token', token: Secret, source };
  return { kind: 'basic', username: Username, password: Secret, source };
}
