import type { Credential } from './credential.ts';

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
