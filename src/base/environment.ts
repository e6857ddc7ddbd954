/** Environment variables of a process by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that programs of the user do not need: our own secrets, and logins of registries. */
const WITHHELD = /^(?:AIRGAP_|DOCKER_AUTH_CONFIG$)/;

/** Returns the environment of a program that the user names: all of it but our own secrets. */
export function withoutOwnSecrets(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !WITHHELD.test(name)));
}
