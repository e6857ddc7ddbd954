import { isDeepStrictEqual } from 'node:util';
import type { TagMutability } from '../../ecr/settings.ts';
import { type CommonSettings, type RegistryKind, SETTING_NAMES, type SettingName } from './common-settings.ts';

/**
 * Why a setting of a source is not carried, in the order of reports:
 * - `unsupported`: the target's registry does not have it
 * - `widens`: public at the source; the target stays private unless the user allows it
 * - `loosens`: the target protects tags that the source does not
 * - `exceptions`: immutable with exceptions, which the target's registry does not have
 * - `too-long`: more characters than the target's registry takes
 * - `sources-differ`: repositories with different settings become one
 * - `exists`: the repository exists with another value, and `--reconcile` is not given
 * - `not-created`: the repository does not exist, and `--create-repositories=never` is given
 * - `template`: a creation template creates the repository with its own settings
 */
export const LEFT_REASONS = [
  'unsupported',
  'widens',
  'loosens',
  'exceptions',
  'too-long',
  'sources-differ',
  'exists',
  'not-created',
  'template',
] as const;

export type LeftReason = (typeof LEFT_REASONS)[number];

/** What becomes of the settings of one repository of a target. */
export interface RepositoryPlan {
  /** The repository exists. */
  readonly exists: boolean;
  /** Settings of a new repository. Empty if it exists. */
  readonly created: CommonSettings;
  /** Changes before content is written: what makes private, and texts. */
  readonly before: CommonSettings;
  /** Changes after the tags were written, which this run may have to overwrite: immutability; and what makes public. */
  readonly after: CommonSettings;
  readonly left: readonly { readonly setting: SettingName; readonly reason: LeftReason }[];
}

export interface PlanOptions {
  readonly kind: RegistryKind;
  /** Missing repositories are created. */
  readonly creates: boolean;
  /** Settings of existing repositories are changed. */
  readonly changesExisting: boolean;
  /** Repositories that are public at the source may become public. */
  readonly allowsPublic: boolean;
  /** Settings that flags decide. */
  readonly given: ReadonlySet<SettingName>;
}

/**
 * Plans how settings are carried. Existing repositories are only tightened: public ones become private, mutable tags immutable.
 * @param sources settings of the repositories that become this one
 * @param target undefined if the repository does not exist
 */
export function planRepository(
  sources: readonly CommonSettings[],
  target: CommonSettings | undefined,
  options: PlanOptions,
): RepositoryPlan {
  const created: Record<string, unknown> = {};
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  const left: { readonly setting: SettingName; readonly reason: LeftReason }[] = [];
  const exists = target !== undefined;
  for (const setting of SETTING_NAMES) {
    const decision = options.given.has(setting) ? undefined : decide(setting, sources, target, options);
    if (decision?.reason !== undefined) left.push({ setting, reason: decision.reason });
    const { value } = decision ?? {};
    if (value === undefined) continue;
    if (!exists && options.creates) created[setting] = value;
    // Private is what new repositories are.
    else if (!exists && value !== 'private') left.push({ setting, reason: 'not-created' });
    else if (!exists) continue;
    else if (!options.changesExisting) left.push({ setting, reason: 'exists' });
    else (isLate(setting, value) ? after : before)[setting] = value;
  }
  return { exists, created, before, after, left };
}

/** A new value, or why there is none, or both; undefined if there is nothing to say. */
type Decision = { readonly value?: NonNullable<unknown>; readonly reason?: LeftReason } | undefined;

function decide(
  setting: SettingName,
  sources: readonly CommonSettings[],
  target: CommonSettings | undefined,
  { kind, allowsPublic }: PlanOptions,
): Decision {
  if (setting === 'visibility') return decideVisibility(sources, target, kind, allowsPublic);
  const values = sources.flatMap((source) => (isSet(source[setting]) ? [source[setting]] : []));
  const [value] = values;
  if (setting === 'tags') {
    if (values.length < sources.length || values.some((one) => !isDeepStrictEqual(one, value)))
      return values.some((one) => isProtected(one as TagMutability)) ? { reason: 'sources-differ' } : undefined;
    return decideTags(value as TagMutability | undefined, target, kind);
  }
  if (value === undefined) return undefined;
  if (!kind.settings.includes(setting)) return { reason: 'unsupported' };
  if (values.some((one) => !isDeepStrictEqual(comparable(one), comparable(value)))) return { reason: 'sources-differ' };
  if (typeof value === 'string' && value.length > (kind.limits[setting] ?? Number.POSITIVE_INFINITY))
    return { reason: 'too-long' };
  return isDeepStrictEqual(comparable(value), comparable(target?.[setting])) ? undefined : { value };
}

/** Reports whether a setting says anything: an empty description does not replace another one. */
function isSet(value: CommonSettings[SettingName]): boolean {
  return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
}

/** Returns a value by which settings are equal; lists have no order. */
function comparable(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted() : value;
}

/** New repositories are private unless all sources are public and that is allowed. */
function decideVisibility(
  sources: readonly CommonSettings[],
  target: CommonSettings | undefined,
  kind: RegistryKind,
  allowsPublic: boolean,
): Decision {
  const values = new Set(sources.map(({ visibility }) => visibility));
  const isPublic = values.size === 1 && values.has('public');
  if (kind.visibility !== 'any') {
    const isLess = isPublic && kind.visibility !== 'public';
    return isLess ? { reason: 'unsupported' } : undefined;
  }
  const present = target?.visibility ?? (target === undefined ? undefined : 'private');
  if (isPublic) {
    if (present === 'public') return undefined;
    if (allowsPublic) return { value: 'public' };
    return present === undefined ? { value: 'private', reason: 'widens' } : { reason: 'widens' };
  }
  if (present === undefined) return { value: 'private' };
  return present === 'public' && values.has('private') ? { value: 'private' } : undefined;
}

function decideTags(
  source: TagMutability | undefined,
  target: CommonSettings | undefined,
  kind: RegistryKind,
): Decision {
  if (source === undefined) return undefined;
  const present = target?.tags ?? MUTABLE;
  if (!kind.settings.includes('tags')) return isProtected(source) ? { reason: 'unsupported' } : undefined;
  if (source.except.length > 0 && !kind.hasTagExceptions) return { reason: 'exceptions' };
  if (isEqual(source, present)) return undefined;
  return isTighter(source, present) ? { value: source } : { reason: 'loosens' };
}

const MUTABLE: TagMutability = { immutable: false, except: [] };

/** Reports whether any tag is immutable. */
function isProtected({ immutable, except }: TagMutability): boolean {
  return immutable || except.length > 0;
}

function isEqual(a: TagMutability, b: TagMutability): boolean {
  return a.immutable === b.immutable && isSubset(a.except, b.except) && isSubset(b.except, a.except);
}

/** Reports whether each tag that is immutable by `present` is immutable by `wanted`, as far as the patterns show it. */
function isTighter(wanted: TagMutability, present: TagMutability): boolean {
  if (!isProtected(present)) return true;
  if (!wanted.immutable) return !present.immutable && isSubset(present.except, wanted.except);
  return wanted.except.length === 0 || (present.immutable && isSubset(wanted.except, present.except));
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  return some.every((pattern) => all.includes(pattern));
}

function isLate(setting: SettingName, value: unknown): boolean {
  return setting === 'tags' || value === 'public';
}
