import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';

/** Why a registry does not let us in, as far as credentials are concerned. */
export interface AccessRefusal {
  /** Clause of a sentence, as in `the login for r.example stored in FILE (user me) was refused`. */
  readonly message: string;
  readonly hint: string;
}

/** Characters of a user name that are shown. */
const NAME_LIMIT = 100;

/** Most sources that are named; there are about eight. */
const SOURCES_LIMIT = 12;

/** Authentication schemes that are named. */
const SCHEMES_LIMIT = 5;

const MAY_BE_MISSING = 'many registries answer so for a repository that does not exist, too: check the name';

/** Names a credential by its registry, its file, helper or variable, and its user, without the secret. */
export function describeLogin(registry: string, credential: Credential): string {
  const user = credential.kind === 'registry-token' ? undefined : credential.username;
  const name = user !== undefined && user.length > NAME_LIMIT ? `${user.slice(0, NAME_LIMIT)}…` : user;
  return ['the login for', registry, credential.source, name && `(user ${name})`].filter(Boolean).join(' ');
}

/** How to log in where there is no credential, and where one was looked for. */
export function loginHint(registry: string, sources: readonly string[]): string {
  const looked = sources.length === 0 ? '' : `; looked in ${sources.slice(0, SOURCES_LIMIT).join(', ')}`;
  return `log in with: helm registry login ${registry}${looked}; ${MAY_BE_MISSING}`;
}

/** What to do about a credential that was refused. */
export function remedyOf(registry: string, { remedy }: Credential): string {
  return remedy ?? `log in again: helm registry login ${registry}`;
}

/** What to do about one that has not the right. */
function otherLogin({ remedy = 'use another login' }: Credential): string {
  return remedy;
}

/** An answer of a registry that refuses, and what was known and sent. */
export interface Refused {
  readonly registry: string;
  readonly status: number;
  /** Whether the registry has ever asked for a login in a way that is understood. */
  readonly isAsked: boolean;
  readonly challenges: readonly Challenge[];
  /** Those of them that are understood. */
  readonly usable: readonly Challenge[];
  /** The Authorization header that was sent. */
  readonly sent: string | undefined;
  readonly credential: Credential | undefined;
  readonly sources: readonly string[];
}

/** Says what was tried: a wrong password, a login without the right, none at all, or a scheme that is not spoken. */
export function explainRefusal(refused: Refused): AccessRefusal {
  const { registry, status, isAsked, challenges, usable, sent, credential, sources } = refused;
  if (status === 401 && challenges.length > 0 && usable.length === 0) {
    const schemes = [...new Set(challenges.map(({ scheme }) => scheme))].slice(0, SCHEMES_LIMIT).map(nameOf);
    return {
      message: `${registry} asks for ${schemes.join(', ')} authentication, and only Basic and Bearer are supported`,
      hint: `use an address of ${registry} that takes user name and password, or a mirror of it (--mirror)`,
    };
  }
  if (!isAsked) {
    return {
      message:
        status === 403
          ? `${registry} does not allow this, and asks for no login`
          : `${registry} does not say how to log in`,
      hint: 'check the address and the name; a proxy or front end on the way may answer for the registry, or take its WWW-Authenticate header away',
    };
  }
  if (credential === undefined) {
    const message = status === 403 ? 'anonymous access does not allow this, and there are' : 'there are';
    return { message: `${message} no credentials for ${registry}`, hint: loginHint(registry, sources) };
  }
  const login = describeLogin(registry, credential);
  if (status === 403) {
    return {
      message: `${login} does not allow this`,
      hint: `ask for the permission, or ${otherLogin(credential)}; ${MAY_BE_MISSING}`,
    };
  }
  if (sent === undefined)
    return { message: `${login} cannot be used for what it asks`, hint: remedyOf(registry, credential) };
  // A token that was given for it may lack a right; a password, or a token that is sent as it is, is wrong.
  const isWrong = sent.startsWith('Basic ') || credential.kind === 'registry-token';
  if (isWrong) return { message: `${login} was refused`, hint: remedyOf(registry, credential) };
  return { message: `${login} gives no access`, hint: `${otherLogin(credential)}; ${MAY_BE_MISSING}` };
}

/** A scheme as it is usually written: the names are not case-sensitive (RFC 9110, 11.1). */
function nameOf(scheme: string): string {
  if (scheme === 'bearer') return 'Bearer (without a URL of a token server)';
  return scheme === 'ntlm' ? 'NTLM' : `${scheme.charAt(0).toUpperCase()}${scheme.slice(1, NAME_LIMIT)}`;
}
