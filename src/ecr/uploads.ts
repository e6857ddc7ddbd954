import { setTimeout as sleep } from 'node:timers/promises';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { ecrClient, registryIdInput } from './connection.ts';
import { awsError, errorName } from './failures.ts';
import { type EcrHost, type EcrHostDeclaration, ecrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** Maximum digests per BatchCheckLayerAvailability request (API reference). */
const MAX_DIGESTS = 100;

/** Finds the blobs of a list that a repository has; undefined for a repository outside of ECR. */
export type LayerLookup = (
  repository: Repository,
  digests: readonly Digest[],
) => Promise<ReadonlySet<Digest>> | undefined;

/**
 * Creates a lookup that checks 100 blobs per request, while the registry API takes one request per blob. A missing
 * repository has no blobs. Lookups fail with AirgapError `unauthorized`, `forbidden`, `network` or `registry`.
 */
export function ecrLayerLookup(options: EcrOptions): LayerLookup {
  const clients = new Map<string, Promise<ECRClient>>();
  return ({ registry, path }, digests) => {
    const host = ecrHost(registry, options.ecrHosts);
    if (host === undefined) return undefined;
    const client = clients.get(registry) ?? ecrClient(host, options);
    clients.set(registry, client);
    return findLayers(client, host, path, digests);
  };
}

async function findLayers(
  client: Promise<ECRClient>,
  host: EcrHost,
  repositoryName: string,
  digests: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr');
  const found = new Set<Digest>();
  try {
    for (let start = 0; start < digests.length; start += MAX_DIGESTS) {
      const layerDigests = digests.slice(start, start + MAX_DIGESTS);
      const command = new BatchCheckLayerAvailabilityCommand({
        ...registryIdInput(host),
        repositoryName,
        layerDigests,
      });
      const { layers = [] } = await (await client).send(command);
      for (const { layerDigest, layerAvailability } of layers) {
        if (layerAvailability === 'AVAILABLE') found.add(layerDigest as Digest);
      }
    }
  } catch (error) {
    if (errorName(error) === 'RepositoryNotFoundException') return found;
    throw awsError(`blobs of ${host.host}/${repositoryName}`, error);
  }
  return found;
}

/** Item of a push. */
export type PushItem = 'manifest' | 'blob';

/** Waits until an item may be sent to a registry. */
export type EcrRateLimiter = (item: PushItem, registry: string) => Promise<void>;

/**
 * Published quotas per second, account and region (ECR user guide, "Amazon ECR service quotas"): PutImage for a
 * manifest; InitiateLayerUpload and CompleteLayerUpload, each, for a blob. Every manifest of an index counts.
 */
const PER_SECOND: Readonly<Record<PushItem, number>> = { manifest: 10, blob: 100 };

/** Items that may be sent without a delay: a small push does not wait, a large one stays within its quota. */
const BURST = 3;

/**
 * Creates a limiter that spreads uploads to ECR, so that a large push is not throttled; other registries are not
 * delayed. If ECR still returns 429, http/rate-limiter.ts reduces the rate.
 */
export function ecrRateLimiter(
  hosts: readonly EcrHostDeclaration[] = [],
  { now = Date.now, wait = sleep }: { now?: () => number; wait?: (milliseconds: number) => Promise<unknown> } = {},
): EcrRateLimiter {
  const nextStarts = new Map<string, number>();
  return async (item, registry) => {
    const host = ecrHost(registry, hosts);
    if (host === undefined) return;
    const key = `${item} ${host.account} ${host.region}`;
    const interval = 1000 / PER_SECOND[item];
    const start = Math.max(nextStarts.get(key) ?? 0, now() - (BURST - 1) * interval);
    nextStarts.set(key, start + interval);
    if (start > now()) await wait(start - now());
  };
}
