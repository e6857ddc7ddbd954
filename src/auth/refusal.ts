import type { Challenge } from './challenge.ts';
import type { Credential } from './keychain.ts';

/** Reason why a registry denied access, with respect to credentials. */
export interface AccessRefusal {
  /** Clause of a sentence, as in `the login for r.example stored in FILE (user me) was rejected`. */
  readonly message: string;
  readonly hint: string;
}

/** Maximum characters of a user name in a message. */
const NAME_LIMIT = 100;

/** Maximum sources in a message; usually there are about eight. */
const SOURCES_LIMIT = 12;

/** Maximum authentication schemes in a message. */
const SCHEMES_LIMIT = 5;

/** Returns the end of a hint about access: a repository may not exist, the root of a registry always does. */
function mayBeMissing(isRepository: boolean): string {
  return isRepository
    ? '; many registries respond the same way when the repository does not exist: check the name'
    : '';
}

/** Describes a credential by registry, source (file, helper or variable) and user, without the secret. */
export function describeLogin(registry: string, credential: Credential): string {
  const user = credential.kind === 'registry-token' ? undefined : credential.username;
  const name = user !== undefined && user.length > NAME_LIMIT ? `${user.slice(0, NAME_LIMIT)}...` : user;
  return ['the login for', registry, credential.source, name && `(user ${name})`].filter(Boolean).join(' ');
}

/**
 * Hint for a missing credential: how to log in, and the sources that were searched.
 * @param isRepository false if the registry as a whole was asked
 */
export function loginHint(registry: string, sources: readonly string[], isRepository = true): string {
  const searchedSources = sources.length === 0 ? '' : `; searched: ${sources.slice(0, SOURCES_LIMIT).join(', ')}`;
  return `log in with: helm airgap login ${registry}${searchedSources}${mayBeMissing(isRepository)}`;
}

/** Hint for a rejected credential. */
export function credentialRemedy(registry: string, { remedy }: Credential): string {
  return remedy ?? `log in again: helm airgap login ${registry}`;
}

/** Hint for a credential that lacks permission. */
function otherLoginHint({ remedy = 'use another login' }: Credential): string {
  return remedy;
}

/** Refusal of a registry, with the credentials known and sent. */
export interface RefusalContext {
  readonly registry: string;
  readonly status: number;
  /** False if the registry as a whole was asked. */
  readonly isRepository: boolean;
  /** True when the registry has sent a supported challenge before. */
  readonly hasChallenged: boolean;
  readonly challenges: readonly Challenge[];
  /** Those of them that are supported. */
  readonly supported: readonly Challenge[];
  /** Authorization header that was sent. */
  readonly sent: string | undefined;
  readonly credential: Credential | undefined;
  readonly sources: readonly string[];
}

/** Explains a refusal: wrong password, missing permission, missing credential, or unsupported scheme. */
export function explainRefusal(context: RefusalContext): AccessRefusal {
  const { registry, status, isRepository, hasChallenged, challenges, supported, sent, credential, sources } = context;
  if (status === 401 && challenges.length > 0 && supported.length === 0) {
    const schemes = [...new Set(challenges.map(({ scheme }) => scheme))].slice(0, SCHEMES_LIMIT).map(schemeName);
    return {
      message: `${registry} requires ${schemes.join(', ')} authentication, but only Basic and Bearer are supported`,
      hint: `use an address of ${registry} that accepts user name and password, or a mirror of it (--mirror)`,
    };
  }
  if (!hasChallenged) {
    return {
      message:
        status === 403
          ? `${registry} denied access without asking for a login`
          : `${registry} did not say how to log in`,
      hint: 'check the address and the name; a proxy or front end may respond in place of the registry, or remove its WWW-Authenticate header',
    };
  }
  if (credential === undefined) {
    const message = status === 403 ? 'anonymous access is denied, and there are' : 'there are';
    return { message: `${message} no credentials for ${registry}`, hint: loginHint(registry, sources, isRepository) };
  }
  const login = describeLogin(registry, credential);
  if (status === 403) {
    return {
      message: `${login} has no permission for this`,
      hint: `request the permission, or ${otherLoginHint(credential)}${mayBeMissing(isRepository)}`,
    };
  }
  if (sent === undefined)
    return {
      message: `${login} cannot be used for the authentication scheme of the registry`,
      hint: credentialRemedy(registry, credential),
    };
  // A token fetched with it may lack permission; a password, or a token sent as is, is wrong.
  const isWrong = sent.startsWith('Basic ') || credential.kind === 'registry-token';
  if (isWrong) return { message: `${login} was rejected`, hint: credentialRemedy(registry, credential) };
  return { message: `${login} has no access`, hint: `${otherLoginHint(credential)}${mayBeMissing(isRepository)}` };
}

/** Returns the usual spelling of a scheme; its name is case-insensitive (RFC 9110, 11.1). */
function schemeName(scheme: string): string {
  if (scheme === 'bearer') return 'Bearer (without a token server URL)';
  return scheme === 'ntlm' ? 'NTLM' : `${scheme.charAt(0).toUpperCase()}${scheme.slice(1, NAME_LIMIT)}`;
}
