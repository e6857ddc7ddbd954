import type { LocatedReference } from '../../inventory/finding.ts';
import type { PublicEcrRole } from '../../inventory/public-ecr.ts';

/** The most important first. */
const ROLES: readonly PublicEcrRole[] = ['runs', 'helps', 'tests'];

/** Returns what a location in a render pulls an image for. */
export function roleOf({ need, hook, kind, path }: RoleEvidence): PublicEcrRole {
  if (need === 'test') return 'tests';
  if (need === 'lifecycle' || hook !== undefined || kind === 'Job' || kind === 'CronJob') return 'helps';
  return /(?:^|\.)(?:init|ephemeral)Containers\[/.test(path) ? 'helps' : 'runs';
}

type RoleEvidence = Pick<LocatedReference, 'need' | 'hook' | 'kind' | 'path'>;

/** Returns what an image is for by the keys of a values file that no chart belongs to. */
export function roleByKeys(keys: readonly (string | number)[]): PublicEcrRole {
  const words = keys.map((key) =>
    String(key)
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase(),
  );
  if (words.some((word) => /^tests?\b|\btests?$/.test(word))) return 'tests';
  return words.some((word) => /\b(?:init|hooks?|jobs?|migrations?|wait)\b/.test(word)) ? 'helps' : 'runs';
}

/** Returns the most important of several roles. */
export function strongestRole(roles: readonly PublicEcrRole[]): PublicEcrRole {
  return ROLES.find((role) => roles.includes(role)) ?? 'runs';
}
