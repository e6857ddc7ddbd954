import { setTimeout as sleep } from 'node:timers/promises';
import { type EcrHostDeclaration, ecrHost } from './hosts.ts';

/** What is sent to a registry: a manifest, or a blob. */
export type Action = 'manifest' | 'blob';

/** Waits until an action may be begun at a registry. */
export type Pace = (action: Action, registry: string) => Promise<void>;

/**
 * Published quotas of an account in a region, a second (ECR's user guide, "Amazon ECR service quotas"): PutImage for a
 * manifest; InitiateLayerUpload, and as many CompleteLayerUpload, for a blob. Each manifest of an index counts.
 */
const PER_SECOND: Readonly<Record<Action, number>> = { manifest: 10, blob: 100 };

/** Actions that may come at once before they are spread: a small push need not wait, a large one stays in its quota. */
const BURST = 3;

/**
 * Spreads what goes to ECR, so that a large push is not throttled to begin with; other registries are not waited for.
 * What is refused all the same slows down what follows (http/pacer.ts).
 */
export function ecrPace(
  hosts: readonly EcrHostDeclaration[] = [],
  { now = Date.now, wait = sleep }: { now?: () => number; wait?: (milliseconds: number) => Promise<unknown> } = {},
): Pace {
  const next = new Map<string, number>();
  return async (action, registry) => {
    const host = ecrHost(registry, hosts);
    if (host === undefined) return;
    const key = `${action} ${host.account} ${host.region}`;
    const step = 1000 / PER_SECOND[action];
    const at = Math.max(next.get(key) ?? 0, now() - (BURST - 1) * step);
    next.set(key, at + step);
    if (at > now()) await wait(at - now());
  };
}
