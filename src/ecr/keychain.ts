import type { Credential } from '../auth/credential.ts';
import type { Keychain } from '../auth/keychain.ts';
import { AirgapError } from '../base/errors.ts';
import { silent } from '../base/events.ts';
import { keepSecret } from '../base/redact.ts';
import { RETRY_DEFAULTS, type RetryPolicy } from '../http/retry.ts';
import { connection, ecrClient } from './connection.ts';
import { awsError, hasNone, lacksCredentials } from './failures.ts';
import { ECR_PUBLIC_HOST, type EcrHost, ecrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';
import { patience } from './patience.ts';
import { decodeToken, type Issued, TokenCache } from './token-cache.ts';

/** ECR Public's API exists in this region only. */
const PUBLIC_REGION = 'us-east-1';
/** Milliseconds for which an API that could not be reached is not asked again: every image of a registry would wait a minute. */
const SILENCE = 60_000;
/** Milliseconds for each answer on the way to its token, which is a bonus; with STS to be asked there are a few. */
const PUBLIC_TIMEOUT = 10_000;
const ONCE: RetryPolicy = { ...RETRY_DEFAULTS, attempts: 1, throttledAttempts: 1 };

/**
 * Credentials for private ECR registries by GetAuthorizationToken, a token per region, renewed before it ends. Without
 * any AWS credentials it knows nothing (after a warning), so that a stored login can serve; but a profile that was asked
 * for has to give some.
 * `lookup` throws AirgapError `unauthorized`, `forbidden`, `network`.
 */
export function ecrKeychain(options: EcrOptions): Keychain {
  const cache = new TokenCache();
  // Remembered, since the SDK takes a second to find out that a machine is none of AWS's.
  let absent = false;
  const silentApis = new Map<string, { readonly failure: AirgapError; readonly until: number }>();
  return {
    async lookup(registry) {
      const host = ecrHost(registry, options.hosts);
      if (host === undefined || absent) return undefined;
      const { failure: known, until = 0 } = silentApis.get(host.region) ?? {};
      if (known !== undefined && Date.now() < until) throw known;
      try {
        const credential = await cache.get(host.region, Date.now(), () => fetchToken(host, options));
        return { ...credential, source: sourceOf(options) };
      } catch (error) {
        const failure = awsError(`login to ${registry}`, error);
        if (failure.code === 'network') silentApis.set(host.region, { failure, until: Date.now() + SILENCE });
        if (!lacksCredentials(error) || options.profile !== undefined) throw failure;
        const message = `${failure.message}; trying stored logins`;
        if (!absent) (options.emit ?? silent)({ type: 'warning', message });
        absent = true;
        return undefined;
      }
    },
    forget(registry) {
      const host = ecrHost(registry, options.hosts);
      if (host !== undefined) cache.forget(host.region);
    },
    sources: (registry) => (ecrHost(registry, options.hosts) === undefined ? [] : [describeAws(options)]),
  };
}

/**
 * Credentials for public.ecr.aws, which raise its limit from one pull a second to ten. Without any AWS credentials access
 * is anonymous, which serves as well; credentials that are refused mean the same after a warning. A profile that was
 * asked for has to give some: `lookup` throws AirgapError `unauthorized` where it does not.
 */
export function ecrPublicKeychain(options: EcrOptions): Keychain {
  const cache = new TokenCache();
  let unavailable = false;
  return {
    async lookup(registry) {
      if (registry !== ECR_PUBLIC_HOST || unavailable) return undefined;
      try {
        const credential = await cache.get(registry, Date.now(), () => fetchPublicToken(options));
        return { ...credential, source: sourceOf(options) };
      } catch (error) {
        const failure = awsError(`login to ${registry}`, error);
        // A profile that was asked for has to give credentials that AWS accepts; what they may do is another matter.
        if (failure.code === 'unauthorized' && options.profile !== undefined) throw failure;
        const message = `${failure.message}; it is read anonymously, which is slower`;
        if (!unavailable && !hasNone(error)) (options.emit ?? silent)({ type: 'warning', message });
        unavailable = true;
        return undefined;
      }
    },
    forget: (registry) => cache.forget(registry),
    sources: (registry) => (registry === ECR_PUBLIC_HOST ? [describeAws(options)] : []),
  };
}

/** The AWS credentials in use, for messages. */
function describeAws({ profile, roleArn, env }: EcrOptions): string {
  const name = profile ?? env.AWS_PROFILE;
  const role = roleArn === undefined ? '' : `, as role ${roleArn}`;
  return `AWS credentials (${name ? `profile ${name}` : 'default chain'}${role})`;
}

function sourceOf(options: EcrOptions): string {
  return `from ${describeAws(options)}`;
}

async function fetchToken(host: EcrHost, options: EcrOptions): Promise<Issued> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const client = await ecrClient(host, options);
  try {
    const { authorizationData = [] } = await client.send(new GetAuthorizationTokenCommand({}));
    return issued(authorizationData[0]);
  } finally {
    client.destroy();
  }
}

async function fetchPublicToken(options: EcrOptions): Promise<Issued> {
  const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public');
  // One attempt: this is a bonus, and nobody is to wait for it.
  const retryStrategy = patience(`the API of ECR Public in ${PUBLIC_REGION}`, {}, { policy: ONCE });
  const timeout = options.timeout ?? PUBLIC_TIMEOUT;
  const client = new ECRPUBLICClient({
    ...connection({ ...options, timeout }, 'ECR_PUBLIC', PUBLIC_REGION),
    retryStrategy,
  });
  try {
    return issued((await client.send(new GetAuthorizationTokenCommand({}))).authorizationData);
  } finally {
    client.destroy();
  }
}

function issued(data: { authorizationToken?: string; expiresAt?: Date } | undefined): Issued {
  const token = data?.authorizationToken;
  if (token === undefined) throw new AirgapError('registry', 'the API of ECR answers without a token');
  const { username, password } = decodeToken(token);
  keepSecret(token);
  keepSecret(password);
  const credential: Credential = { kind: 'basic', username, password };
  return { credential, expiresAt: data?.expiresAt?.getTime() ?? 0 };
}
