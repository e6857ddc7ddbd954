import { setTimeout as sleep } from 'node:timers/promises';
import { type EcrHostDeclaration, ecrHost } from './hosts.ts';

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
