import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { ecrClient, registryOf } from './connection.ts';
import { awsError, nameOf } from './failures.ts';
import { type EcrHost, ecrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** BatchCheckLayerAvailability takes no more digests at once (API reference). */
const BATCH = 100;

/** Which of these blobs a repository has; undefined for a repository that is not of ECR. */
export type AskLayers = (
  repository: Repository,
  digests: readonly Digest[],
) => Promise<ReadonlySet<Digest>> | undefined;

/**
 * Asks ECR for blobs in hundreds, where the registry itself takes one question for each.
 * A repository that is not there yet has none. Questions fail with an AirgapError: `unauthorized`, `forbidden`, `network`, `registry`.
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
