import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { ecrClient, ecrPublicClient, registryIdInput } from './connection.ts';
import { awsError, errorName } from './failures.ts';
import { type EcrHost, type EcrHostDeclaration, ecrHost, isEcrPublic } from './hosts.ts';
import type { EcrOptions } from './options.ts';
import { splitPublicPath } from './public/aliases.ts';

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
  const checks = new Map<string, CheckLayers>();
  return ({ registry, path }, digests) => {
    const check = checks.get(registry) ?? checkLayersOf(registry, options);
    if (check === undefined) return undefined;
    checks.set(registry, check);
    return findLayers(check, `${registry}/${path}`, path, digests);
  };
}

/** Sends BatchCheckLayerAvailability. Throws the SDK's errors. */
type CheckLayers = (
  path: string,
  layerDigests: Digest[],
) => Promise<{ readonly layers?: readonly { readonly layerDigest?: string; readonly layerAvailability?: string }[] }>;

function checkLayersOf(registry: string, options: EcrOptions): CheckLayers | undefined {
  if (isEcrPublic(registry)) return checkPublicLayers(options);
  const host = ecrHost(registry, options.ecrHosts);
  return host && checkPrivateLayers(host, options);
}

function checkPrivateLayers(host: EcrHost, options: EcrOptions): CheckLayers {
  const creating = ecrClient(host, options);
  return async (repositoryName, layerDigests) => {
    const client = await creating;
    const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr');
    const input = { ...registryIdInput(host), repositoryName, layerDigests };
    return client.send(new BatchCheckLayerAvailabilityCommand(input));
  };
}

function checkPublicLayers(options: EcrOptions): CheckLayers {
  const creating = ecrPublicClient(options);
  return async (path, layerDigests) => {
    const client = await creating;
    const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr-public');
    // Here, the id of the registry may be its alias.
    const { alias: registryId, name: repositoryName } = splitPublicPath(path);
    return client.send(new BatchCheckLayerAvailabilityCommand({ registryId, repositoryName, layerDigests }));
  };
}

async function findLayers(
  check: CheckLayers,
  what: string,
  path: string,
  digests: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  try {
    for (let start = 0; start < digests.length; start += MAX_DIGESTS) {
      const { layers = [] } = await check(path, digests.slice(start, start + MAX_DIGESTS));
      for (const { layerDigest, layerAvailability } of layers) {
        if (layerAvailability === 'AVAILABLE') found.add(layerDigest as Digest);
      }
    }
  } catch (error) {
    if (errorName(error) === 'RepositoryNotFoundException') return found;
    throw awsError(`blobs of ${what}`, error);
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

/** The same quotas of ECR Public, per account (ECR Public user guide, "Amazon ECR Public service quotas"). */
const PUBLIC_PER_SECOND: Readonly<Record<PushItem, number>> = { manifest: 10, blob: 10 };

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
    const isPublic = isEcrPublic(registry);
    const host = isPublic ? undefined : ecrHost(registry, hosts);
    if (!isPublic && host === undefined) return;
    const key = `${item} ${host?.account} ${host?.region}`;
    const interval = 1000 / (isPublic ? PUBLIC_PER_SECOND : PER_SECOND)[item];
    const start = Math.max(nextStarts.get(key) ?? 0, now() - (BURST - 1) * interval);
    nextStarts.set(key, start + interval);
    if (start > now()) await wait(start - now());
  };
}
