import { HUB_KEY } from '../base/docker-hub.ts';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import { keepSecret } from '../base/redact.ts';
import type { AuthFile } from './auth-file.ts';
import type { Credential } from './credential.ts';

/** Milliseconds that a helper is given, which may ask a person or a slow network store. */
const TIMEOUT = 60_000;

/** Bytes that a helper may answer. Tokens of clouds take a few thousand. */
const LIMIT = 1024 * 1024;

/** What is not handed on to helpers: the secrets that are ours, and those of other registries. */
const WITHHELD = /^(?:AIRGAP_|DOCKER_AUTH_CONFIG$)/;

/**
 * The programs `docker-credential-NAME` that credentials files name (protocol of github.com/docker/docker-credential-helpers).
 * Each is asked once for a registry.
 */
export class CredentialHelpers {
  readonly #env: Readonly<Record<string, string>>;
  readonly #emit: Emit;
  readonly #timeout: number;
  readonly #answers = new Map<string, Promise<Credential | undefined>>();
  /** General stores that have failed, and whether they are asked for further registries. */
  readonly #failed = new Map<string, 'is asked' | 'is left alone'>();

  constructor(env: Readonly<Record<string, string | undefined>>, emit: Emit, timeout = TIMEOUT) {
    const passed = Object.entries(env).filter(([name, value]) => value !== undefined && !WITHHELD.test(name));
    this.#env = Object.fromEntries(passed) as Record<string, string>;
    this.#emit = emit;
    this.#timeout = timeout;
  }

  /**
   * The credential that the helpers of a file have for a registry; undefined when there is none, or no helper.
   * One that is named for this registry (`credHelpers`) is meant, and its name may be empty: then none is asked. The
   * general store (`credsStore`) stands for all registries, public ones included, so its failure is a warning.
   * @throws AirgapError `config` when a helper that is named for the registry is missing, fails or does not end
   */
  async ask(file: AuthFile, registry: string): Promise<Credential | undefined> {
    const own = file.credHelpers.get(registry);
    if (own !== undefined) return own === '' ? undefined : this.#once(own, registry, file.file);
    const store = file.credsStore;
    if (store === undefined || this.#failed.get(store) === 'is left alone') return undefined;
    try {
      return await this.#once(store, registry, file.file);
    } catch (error) {
      const message = `${messageOf(error)}; going on without it`;
      if (!this.#failed.has(store)) this.#emit({ type: 'warning', message });
      const isGone = error instanceof HelperError && error.isGone;
      if (isGone || !this.#failed.has(store)) this.#failed.set(store, isGone ? 'is left alone' : 'is asked');
      return undefined;
    }
  }

  /** Whether the general store of a file has failed. */
  hasFailed({ credsStore }: AuthFile): boolean {
    return credsStore !== undefined && this.#failed.has(credsStore);
  }

  /** Drops the answers for a registry. */
  forget(registry: string): void {
    for (const key of this.#answers.keys()) if (key.endsWith(` ${registry}`)) this.#answers.delete(key);
  }

  #once(name: string, registry: string, file: string): Promise<Credential | undefined> {
    const key = `${name} ${registry}`;
    const answer = this.#answers.get(key) ?? this.#run(name, registry, file);
    this.#answers.set(key, answer);
    return answer;
  }

  async #run(name: string, registry: string, file: string): Promise<Credential | undefined> {
    const program = `docker-credential-${name}`;
    const failed = (what: string, isGone = false, hint?: string): HelperError =>
      new HelperError(`the credential helper ${program}, which ${file} names for ${registry}, ${what}`, isGone, hint);
    if (/[/\\\0]/.test(name)) throw failed('is a path and not a name', true);
    const { execa } = await import('execa');
    const running = execa(program, ['get'], {
      input: registry === 'docker.io' ? HUB_KEY : registry,
      env: this.#env,
      extendEnv: false,
      reject: false,
      maxBuffer: LIMIT,
    });
    // Not execa's own limit: a child of the helper that holds its output open would be waited for.
    const ended = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => ended.resolve('late'), this.#timeout);
    const result = await Promise.race([running, ended.promise]).finally(() => clearTimeout(timer));
    if (result === 'late') {
      running.kill('SIGKILL');
      running.stdout.destroy();
      running.stderr.destroy();
      running.catch(() => {});
      const hint = `run it by hand: echo ${registry === 'docker.io' ? HUB_KEY : registry} | ${program} get`;
      throw failed(`did not answer within ${this.#timeout / 1000} s`, true, hint);
    }
    if (result.code === 'ENOENT') {
      throw failed('is not installed', true, `install it, or take its name out of ${file} and log in again`);
    }
    // execa's own message has a line for the command and another for the cause.
    if (result.code === 'EACCES' || result.code === 'EPERM' || result.code === 'ENOEXEC') {
      const hint = `make ${program} executable for this user, or take its name out of ${file} and log in again`;
      throw failed(`cannot be run: ${reasonOf({ code: result.code })}`, true, hint);
    }
    const { stdout, stderr, isMaxBuffer, exitCode, signal } = result;
    if (isMaxBuffer) throw failed(`answers with more than ${LIMIT / 1024 ** 2} MiB`);
    if (!result.failed) return readAnswer(stdout, `from the helper ${program}, which ${file} names`, failed);
    if (/credentials not found|no credentials server URL|no credentials username/i.test(`${stdout}\n${stderr}`)) {
      return undefined;
    }
    // Errors come on stdout by the protocol; so would a secret.
    const said = `${stdout.includes('"Secret"') ? '' : stdout}\n${stderr}`.trim().slice(0, 300);
    const end = signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`;
    throw failed(`failed: ${said === '' ? `${end}, and it says nothing` : said}`);
  }
}

class HelperError extends AirgapError {
  /** Whether it would be no use to ask it for another registry. */
  readonly isGone: boolean;

  constructor(message: string, isGone: boolean, hint = 'repair it, or log in again so that the file holds the login') {
    super('config', message, { hint });
    this.isGone = isGone;
  }
}

function readAnswer(stdout: string, source: string, failed: (what: string) => AirgapError): Credential | undefined {
  let answer: { Username?: unknown; Secret?: unknown } | null;
  try {
    answer = JSON.parse(stdout);
  } catch {
    // The parser's message would quote the secret.
    throw failed('answers with something that is not JSON');
  }
  const { Username, Secret } = answer ?? {};
  if (typeof Username !== 'string' || typeof Secret !== 'string') throw failed('answers without Username and Secret');
  if (Secret === '') return undefined;
  keepSecret(Secret);
  if (Username === '<token>') return { kind: 'identity-token', token: Secret, source };
  return { kind: 'basic', username: Username, password: Secret, source };
}
