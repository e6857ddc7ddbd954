import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { ecrClient, registryOf } from './connection.ts';
import { awsError, nameOf } from './failures.ts';
import { type EcrHost, ecrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** Maximum digests per BatchCheckLayerAvailability request (API reference). */
const BATCH = 100;

/** Finds the blobs of a list that a repository has; undefined for a repository outside of ECR. */
export type AskLayers = (
  repository: Repository,
  digests: readonly Digest[],
) => Promise<ReadonlySet<Digest>> | undefined;

/**
 * Creates a lookup that checks 100 blobs per request, while the registry API takes one request per blob. A missing
 * repository has no blobs. Lookups fail with AirgapError `unauthorized`, `forbidden`, `network` or `registry`.
 */
export function ecrLayers(options: EcrOptions): AskLayers {
  const clients = new Map<string, Promise<ECRClient>>();
  return ({ registry, path }, digests) => {
    const host = ecrHost(registry, options.hosts);
    if (host === undefined) return undefined;
    const client = clients.get(registry) ?? ecrClient(host, options);
    clients.set(registry, client);
    return ask(client, host, path, digests);
  };
}

async function ask(
  client: Promise<ECRClient>,
  host: EcrHost,
  repositoryName: string,
  digests: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr');
  const found = new Set<Digest>();
  try {
    for (let at = 0; at < digests.length; at += BATCH) {
      const layerDigests = digests.slice(at, at + BATCH);
      const command = new BatchCheckLayerAvailabilityCommand({ ...registryOf(host), repositoryName, layerDigests });
      const { layers = [] } = await (await client).send(command);
      for (const { layerDigest, layerAvailability } of layers) {
        if (layerAvailability === 'AVAILABLE') found.add(layerDigest as Digest);
      }
    }
  } catch (error) {
    if (nameOf(error) === 'RepositoryNotFoundException') return found;
    throw awsError(`blobs of ${host.host}/${repositoryName}`, error);
  }
  return found;
}
