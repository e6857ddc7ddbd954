import type { Credential, Keychain } from '../auth/keychain.ts';
import { AirgapError } from '../base/errors.ts';
import { ignoreEvents } from '../base/events.ts';
import { registerSecret } from '../base/redact.ts';
import { runStep } from '../base/step.ts';
import { RETRY_DEFAULTS, type RetryPolicy } from '../http/retry.ts';
import { ecrClient, ecrPublicClient } from './connection.ts';
import { awsError, hasNoCredentialSource, lacksCredentials } from './failures.ts';
import { ECR_PUBLIC_HOST, ECR_PUBLIC_REGION, type EcrHost, ecrHost, isEcrPublic } from './hosts.ts';
import type { EcrOptions } from './options.ts';
import { awsRetryStrategy } from './retry-strategy.ts';

/** Milliseconds before an unreachable API is tried again; otherwise every image of a registry would wait a minute. */
const UNREACHABLE_PAUSE = 60_000;
/** Milliseconds per request for the optional token of ECR Public; with STS, there are several requests. */
const PUBLIC_TIMEOUT = 10_000;
const SINGLE_ATTEMPT: RetryPolicy = { ...RETRY_DEFAULTS, attempts: 1, throttledAttempts: 1 };

/**
 * Creates a keychain for private ECR registries with GetAuthorizationToken: one token per region, renewed before it
 * expires. Without AWS credentials it returns nothing after a warning, so that a stored login is used; a requested
 * profile must have credentials. `lookup` throws AirgapError `unauthorized`, `forbidden`, `network`.
 */
export function ecrKeychain(options: EcrOptions): Keychain {
  return tokenKeychain(options, (registry) => {
    const host = ecrHost(registry, options.ecrHosts);
    return host && { key: host.region, fetch: () => fetchToken(host, options) };
  });
}

/**
 * Creates a keychain for public.ecr.aws as the target of a push, which is never anonymous. Otherwise as
 * {@link ecrKeychain}.
 */
export function ecrPublicTargetKeychain(options: EcrOptions): Keychain {
  return tokenKeychain(options, (registry) =>
    isEcrPublic(registry) ? { key: ECR_PUBLIC_HOST, fetch: () => fetchPublicToken(options) } : undefined,
  );
}

/**
 * Creates a keychain for the end of a chain: a push to public.ecr.aws without a login fails before anything is sent.
 * `lookup` throws AirgapError `unauthorized`.
 */
export function ecrPublicLoginRequired(): Keychain {
  return {
    async lookup(registry) {
      if (!isEcrPublic(registry)) return undefined;
      throw new AirgapError(
        'unauthorized',
        'a push needs a login, and there are no AWS credentials and no stored login',
        {
          subject: registry,
          hint: `set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or store one: aws ecr-public get-login-password --region ${ECR_PUBLIC_REGION} | docker login --username AWS --password-stdin ${ECR_PUBLIC_HOST}`,
        },
      );
    },
  };
}

/**
 * Gets a token for a registry, private or public, with its expiry; undefined for a host that is not ECR.
 * @throws AirgapError `unauthorized` without credentials for AWS, `forbidden`, `registry`, `network`
 */
export async function issueEcrLogin(registry: string, options: EcrOptions): Promise<IssuedCredential | undefined> {
  const host = ecrHost(registry, options.ecrHosts);
  if (host === undefined && !isEcrPublic(registry)) return undefined;
  try {
    const fetch = (): Promise<IssuedCredential> =>
      host === undefined ? fetchPublicToken(options) : fetchToken(host, options);
    const { credential, expiresAt } = await runStep(options.emit ?? ignoreEvents, 'asking AWS for a token', fetch);
    return { credential: { ...credential, source: sourceOf(options) }, expiresAt };
  } catch (error) {
    throw awsError(`login to ${registry}`, error);
  }
}

/** Tokens that a registry shares with others have the same key. */
interface TokenSource {
  readonly key: string;
  fetch(): Promise<IssuedCredential>;
}

/** @param sourceOfToken undefined for a registry without tokens from AWS */
function tokenKeychain(options: EcrOptions, sourceOfToken: (registry: string) => TokenSource | undefined): Keychain {
  const cache = new TokenCache();
  // Cached, since the SDK takes a second to find out that a machine is not on AWS.
  let hasNoCredentials = false;
  const unreachableApis = new Map<string, { readonly failure: AirgapError; readonly until: number }>();
  return {
    async lookup(registry) {
      const source = sourceOfToken(registry);
      if (source === undefined || hasNoCredentials) return undefined;
      const { failure: known, until = 0 } = unreachableApis.get(source.key) ?? {};
      if (known !== undefined && Date.now() < until) throw known;
      try {
        const credential = await cache.get(source.key, Date.now(), () =>
          runStep(options.emit ?? ignoreEvents, `logging in to ${registry}`, () => source.fetch()),
        );
        return { ...credential, source: sourceOf(options) };
      } catch (error) {
        const failure = awsError(`login to ${registry}`, error);
        if (failure.code === 'network')
          unreachableApis.set(source.key, { failure, until: Date.now() + UNREACHABLE_PAUSE });
        if (!lacksCredentials(error) || options.profile !== undefined) throw failure;
        const message = `${failure.message}; trying stored logins`;
        if (!hasNoCredentials) (options.emit ?? ignoreEvents)({ type: 'warning', message });
        hasNoCredentials = true;
        return undefined;
      }
    },
    forget(registry) {
      const source = sourceOfToken(registry);
      if (source !== undefined) cache.forget(source.key);
    },
    sources: (registry) => (sourceOfToken(registry) === undefined ? [] : [describeAws(options)]),
  };
}

/**
 * Creates a keychain for public.ecr.aws; credentials raise its limit from 1 pull per second to 10. Without AWS
 * credentials, access is anonymous; with rejected ones, too, after a warning. A requested profile must have
 * credentials: otherwise `lookup` throws AirgapError `unauthorized`.
 */
export function ecrPublicKeychain(options: EcrOptions): Keychain {
  const cache = new TokenCache();
  let isUnavailable = false;
  return {
    async lookup(registry) {
      if (!isEcrPublic(registry) || isUnavailable) return undefined;
      try {
        const credential = await cache.get(registry, Date.now(), () =>
          runStep(options.emit ?? ignoreEvents, `logging in to ${registry}`, () => fetchOptionalPublicToken(options)),
        );
        return { ...credential, source: sourceOf(options) };
      } catch (error) {
        const failure = awsError(`login to ${registry}`, error);
        // A requested profile must have credentials that AWS accepts, but not necessarily this permission.
        if (failure.code === 'unauthorized' && options.profile !== undefined) throw failure;
        const message = `${failure.message}; continuing anonymously, with a lower rate limit`;
        if (!isUnavailable && !hasNoCredentialSource(error))
          (options.emit ?? ignoreEvents)({ type: 'warning', message });
        isUnavailable = true;
        return undefined;
      }
    },
    forget: (registry) => cache.forget(registry),
    sources: (registry) => (isEcrPublic(registry) ? [describeAws(options)] : []),
  };
}

/** Describes the AWS credentials in use, for messages. */
function describeAws({ profile, roleArn, env }: EcrOptions): string {
  const name = profile ?? env.AWS_PROFILE;
  const role = roleArn === undefined ? '' : `, as role ${roleArn}`;
  return `AWS credentials (${name ? `profile ${name}` : 'default chain'}${role})`;
}

function sourceOf(options: EcrOptions): string {
  return `from ${describeAws(options)}`;
}

async function fetchToken(host: EcrHost, options: EcrOptions): Promise<IssuedCredential> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const client = await ecrClient(host, options);
  try {
    const { authorizationData = [] } = await client.send(new GetAuthorizationTokenCommand({}));
    return toIssuedCredential(authorizationData[0]);
  } finally {
    client.destroy();
  }
}

/** Fetches a token for reading with one attempt: it is optional and not worth a delay, nor a role. */
function fetchOptionalPublicToken(options: EcrOptions): Promise<IssuedCredential> {
  const retryStrategy = awsRetryStrategy(`the ECR Public API in ${ECR_PUBLIC_REGION}`, {}, { policy: SINGLE_ATTEMPT });
  const timeout = options.timeout ?? PUBLIC_TIMEOUT;
  return fetchPublicToken({ ...options, timeout, roleArn: undefined }, { retryStrategy });
}

async function fetchPublicToken(
  options: EcrOptions,
  overrides: Parameters<typeof ecrPublicClient>[1] = {},
): Promise<IssuedCredential> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public');
  const client = await ecrPublicClient(options, overrides);
  try {
    return toIssuedCredential((await client.send(new GetAuthorizationTokenCommand({}))).authorizationData);
  } finally {
    client.destroy();
  }
}

function toIssuedCredential(data: { authorizationToken?: string; expiresAt?: Date } | undefined): IssuedCredential {
  const token = data?.authorizationToken;
  if (token === undefined) throw new AirgapError('registry', 'the ECR API returned no token');
  const { username, password } = decodeToken(token);
  registerSecret(token);
  registerSecret(password);
  const credential: Credential = { kind: 'basic', username, password };
  return { credential, expiresAt: data?.expiresAt?.getTime() ?? 0 };
}

/** Credential and its expiry by ECR, in milliseconds since 1970. */
export interface IssuedCredential {
  readonly credential: Credential;
  readonly expiresAt: number;
}

/** Milliseconds before expiry at which a token is renewed: it must outlive the upload of a large layer. */
const RENEW_EARLY = 30 * 60_000;
/** Minimum milliseconds to use a token: emulators of ECR issue expired tokens. */
const MIN_LIFETIME = 60_000;

/** Cache of tokens by key, with one fetch at a time per key. Failures are not cached. */
export class TokenCache {
  readonly #entries = new Map<string, { readonly issued: Promise<IssuedCredential>; renewAt: number }>();

  async get(key: string, now: number, fetch: () => Promise<IssuedCredential>): Promise<Credential> {
    const known = this.#entries.get(key);
    if (known !== undefined && now < known.renewAt) return (await known.issued).credential;
    const issued = fetch();
    const entry = { issued, renewAt: Number.POSITIVE_INFINITY };
    this.#entries.set(key, entry);
    try {
      const { credential, expiresAt } = await issued;
      entry.renewAt = Math.max(expiresAt - RENEW_EARLY, now + MIN_LIFETIME);
      return credential;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** Decodes an authorization token of ECR: base64 of `AWS:password`. */
export function decodeToken(token: string): { readonly username: string; readonly password: string } {
  const decoded = Buffer.from(token, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return { username: decoded.slice(0, Math.max(0, colon)), password: decoded.slice(colon + 1) };
}
