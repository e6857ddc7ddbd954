import type { Credential } from './credential.ts';

/** Where credentials come from. */
export interface Keychain {
  /**
   * The credential for a registry host as people write it (`docker.io`), or undefined for anonymous access. A
   * repository path lets an entry for a part of the registry win.
   * @throws AirgapError `config` when credentials are there and cannot be read
   */
  lookup(registry: string, repositoryPath?: string): Promise<Credential | undefined>;
  /** Told that the registry refused what was given: whatever is cached for it is stale. */
  forget?(registry: string): void;
  /** Names the files, variables and flags where a credential for this registry is looked for, for messages. */
  sources?(registry: string): readonly string[];
}

/** The first keychain that knows a credential gives it; of none, every access is anonymous. */
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
