/**
 * A host, or a host with a path, in which Docker Hub has its one name, `docker.io`: Docker's configuration calls it
 * `index.docker.io`, and its API is at `registry-1.docker.io`. Others stay as they are.
 */
export function withHubName(name: string): string {
  return name.replace(/^(?:index|registry-1)\.docker\.io(?=\/|$)/, 'docker.io');
}

/** The key of Docker Hub's login in Docker's configuration, in the stores of credential helpers and for Helm. */
export const HUB_KEY = 'https://index.docker.io/v1/';
