import { AirgapError } from '../base/errors.ts';
import { keepSecret } from '../base/redact.ts';
import type { Credential } from './credential.ts';

/** A helper that asks a person or a slow network store is given this long, milliseconds. */
const TIMEOUT = 60_000;

/** Docker Hub's name in every helper's store. */
const HUB_KEY = 'https://index.docker.io/v1/';

/** Where and how a helper is run. */
export interface HelperContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The credentials file that names the helper, for messages. */
  readonly file: string;
}

/**
 * Asks `docker-credential-NAME get` for a registry's credential (protocol of github.com/docker/docker-credential-helpers);
 * undefined when the helper has none.
 * @throws AirgapError `config` when the helper is missing or fails
 */
export async function askHelper(
  name: string,
  registry: string,
  { env, file }: HelperContext,
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`;
  const failed = (what: string, hint?: string): AirgapError =>
    new AirgapError('config', `the credential helper ${program}, which ${file} names for ${registry}, ${what}`, {
      ...(hint === undefined ? {} : { hint }),
    });
  if (/[/\\\0]/.test(name)) throw failed('is a path and not a name');
  const { execa } = await import('execa');
  const result = await execa(program, ['get'], {
    input: registry === 'docker.io' ? HUB_KEY : registry,
    env: { ...env },
    extendEnv: false,
    reject: false,
    timeout: TIMEOUT,
    maxBuffer: 1024 * 1024,
  });
  if (result.code === 'ENOENT') {
    throw failed('is not installed', `install it, or take its name out of ${file} and log in again`);
  }
  const said = `${result.stdout}\n${result.stderr}`;
  if (result.failed) {
    if (/credentials not found|no credentials server URL|no credentials username/i.test(said)) return undefined;
    throw failed(
      result.timedOut ? 'did not answer in time' : `failed: ${said.trim().slice(0, 300) || result.shortMessage}`,
    );
  }
  return readAnswer(result.stdout, failed);
}

function readAnswer(stdout: string, failed: (what: string) => AirgapError): Credential | undefined {
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
  if (Username === '<token>') return { kind: 'identity-token', token: Secret };
  return { kind: 'basic', username: Username, password: Secret };
}
