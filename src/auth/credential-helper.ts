import type { Environment } from '../base/environment.ts';
import { type AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import { registerSecret } from '../base/redact.ts';
import { runStep } from '../base/step.ts';
import type { AuthFile } from './auth-file.ts';
import { HELPER_TIMEOUT, HelperError, helperEnvironment, runHelper } from './helper-program.ts';
import { type Credential, credentialsKey } from './keychain.ts';

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
    this.#env = helperEnvironment(env);
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
    const key = credentialsKey(registry);
    const byHand = `run it manually: echo ${key} | docker-credential-${name} get`;
    const run = { name, action: 'get', input: key, file, registry, byHand } as const;
    const end = await runHelper({ ...run, env: this.#env, timeout: this.#timeout });
    const source = `from the helper docker-credential-${name} (configured in ${file})`;
    if (!end.hasFailed) return parseOutput(end.stdout, source, end.error);
    const words = `${end.stdout}\n${end.stderr}`;
    if (/credentials not found|no credentials server URL|no credentials username/i.test(words)) return undefined;
    throw end.failure();
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
