import { canonicalHubName, HUB_KEY } from '../base/docker-hub.ts';
import { trimTrailing } from '../base/text-trim.ts';

/** Origin of a credential, for messages. */
interface CredentialOrigin {
  /** End of the phrase "the login for HOST …", as in `stored in ~/.docker/config.json`. */
  readonly source?: string;
  /** Advice for when the registry rejects it. Default: to log in again. */
  readonly remedy?: string;
}

/** Credential for one registry. */
export type Credential = CredentialOrigin &
  (
    | { readonly kind: 'basic'; readonly username: string; readonly password: string }
    /**
     * OAuth2 refresh token, valid for the token endpoint only (`identitytoken` in Docker's file). The user name is for
     * token endpoints without OAuth2, which accept the token as that user's password.
     */
    | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
    /** Bearer token to send as is (`registrytoken` in Docker's file). */
    | { readonly kind: 'registry-token'; readonly token: string }
  );

/** Returns the Authorization header for user name and password (RFC 7617). */
export function basicAuthorization(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** Source of credentials. */
export interface Keychain {
  /**
   * Returns the credential for a registry host as users write it (`docker.io`); undefined for anonymous access. With a
   * repository path, an entry for a part of the registry takes precedence.
   * @throws AirgapError `config` when credentials exist but cannot be read
   */
  lookup(registry: string, repositoryPath?: string): Promise<Credential | undefined>;
  /** Drops everything cached for a registry, after it rejected a credential. */
  forget?(registry: string): void;
  /** Lists the files, variables and flags that are searched for this registry, for messages. */
  sources?(registry: string): readonly string[];
}

/** Combines keychains: the first one with a credential wins. Without keychains, all access is anonymous. */
export function chainKeychains(...keychains: readonly Keychain[]): Keychain {
  return {
    async lookup(registry, repositoryPath) {
      for (const keychain of keychains) {
        const credential = await keychain.lookup(registry, repositoryPath);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
    forget(registry) {
      for (const keychain of keychains) keychain.forget?.(registry);
    },
    sources: (registry) => keychains.flatMap((keychain) => keychain.sources?.(registry) ?? []),
  };
}

/** Login for one registry, from the command line and standard input. */
export interface CommandLineLogin {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Flag with the user name. */
const LOGIN_FLAG = '--registry-username';

/** Creates a keychain with the login of the command line, for its registry only. */
export function commandLineKeychain(login: CommandLineLogin): Keychain {
  const remedy = `check the user name of ${LOGIN_FLAG} and the password on standard input`;
  return singleLogin(login, LOGIN_FLAG, remedy);
}

/** Creates a keychain with a login that a file for `skopeo sync` has, for its registry only. */
export function skopeoFileKeychain(login: CommandLineLogin): Keychain {
  return singleLogin(login, '--skopeo-sync', 'correct the credentials in that file');
}

function singleLogin({ registry, username, password }: CommandLineLogin, flag: string, remedy: string): Keychain {
  return {
    async lookup(host) {
      if (normalizeKey(host) !== normalizeKey(registry)) return undefined;
      return { kind: 'basic', username, password, source: `from ${flag}`, remedy };
    },
    sources: () => [`${flag} (for ${registry})`],
  };
}

/**
 * Normalizes a key of `auths` to host or host/path: without scheme and legacy `/v1/`, and with `docker.io` for all
 * names of Docker Hub.
 */
export function normalizeKey(key: string): string {
  const bare = trimTrailing(key.replace(/^https?:\/\//i, ''), '/').replace(/\/v[12]$/, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? '' : bare.slice(slash);
  return `${canonicalHubName(host)}${path}`;
}

/** Returns the key of a registry, with a host as in {@link normalizeKey}, for credential helpers and new entries of `auths`. */
export function credentialsKey(host: string): string {
  return host === 'docker.io' ? HUB_KEY : host;
}
