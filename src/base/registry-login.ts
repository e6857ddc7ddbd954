/** Login for one registry that Helm itself does not find. */
export interface RegistryLogin {
  /** Entry of `auths` in a credentials file; secret. */
  readonly entry: Readonly<Record<string, string>>;
  /** Source and user, such as `the login for r.example stored in FILE (user me)`. */
  readonly description: string;
}

/**
 * Finds a login for a repository of an OCI registry; undefined if Helm is to use its own.
 * @throws AirgapError `config`
 */
export type FindLogin = (registry: string, repositoryPath: string) => Promise<RegistryLogin | undefined>;
