/**
 * Replaces the aliases of Docker Hub in a host (or host with path) by `docker.io`: Docker's configuration says
 * `index.docker.io`, and the API is at `registry-1.docker.io`. Other hosts stay unchanged.
 */
export function canonicalHubName(name: string): string {
  return name.replace(/^(?:index|registry-1)\.docker\.io(?=\/|$)/, 'docker.io');
}

/** Key of the Docker Hub login in Docker's configuration, in credential helpers and in Helm. */
export const HUB_KEY = 'https://index.docker.io/v1/';
