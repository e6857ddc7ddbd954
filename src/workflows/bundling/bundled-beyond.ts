import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/read.ts';
import { type BundledProfile, givenOf, givenText, profileText } from '../../lock/given.ts';
import type { Lock, LockImage } from '../../lock/lock.ts';
import { type Target, targetText } from '../../oci/naming.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Profile } from '../search/search-render.ts';

/** Images of a chart in a bundle that the values at hand do not need: the bundle was made with other values. */
export interface Beyond {
  readonly references: readonly string[];
  /** The profiles that need them. */
  readonly profiles: readonly BundledProfile[];
  /** The profiles that need nothing else than what these values need. */
  readonly covered: readonly BundledProfile[];
}

/** A chart under one profile for which something was derived. */
export interface Derived {
  readonly chart: string;
  readonly version: string;
  readonly profile: Profile;
  /** Everything that it refers to, private or not. */
  readonly references: readonly string[];
}

type Found = LockImage['found'][number];

/** What the values do not decide, or what another chart's render shows. */
const NOT_BY_VALUES: ReadonlySet<Found['how']> = new Set(['declared', 'nested-chart', 'image-config', 'inside-image']);

function isByValues({ how, userMade }: Found): boolean {
  return !NOT_BY_VALUES.has(how) && userMade !== true;
}

/**
 * Compares what was derived with what a bundle holds and with the profiles that it was made with, and warns of whatever
 * is not covered. A bundle does not hold values, so nothing can be derived for those profiles without them.
 * @param isWhole whether overrides are wanted for all that the bundle holds of the charts
 * @returns what the bundle has beyond, by chart name
 */
export function compareWithBundle(
  source: Bundle,
  derived: readonly Derived[],
  target: Target,
  isWhole: boolean,
  emit: Emit,
): Map<string, Beyond> {
  const lock = source.lock();
  const found = new Map<string, Beyond>();
  if (lock === undefined) return found;
  for (const [chart, own] of Map.groupBy(derived, (one) => one.chart)) {
    const beyond = beyondOf(lock, chart, own, target);
    if (beyond !== undefined) found.set(chart, beyond);
    if (beyond !== undefined && !isPassedOver(beyond, own)) tellBeyond(emit, chart, beyond);
    const left = profilesLeftOut(lock, chart, own, isWhole);
    const isTold = beyond !== undefined && left.every(({ name }) => beyond.profiles.some((one) => one.name === name));
    if (left.length > 0 && (isWhole || !isTold)) tellLeftOut(emit, chart, left);
  }
  return found;
}

/** An image counts as needed under the name that it has after a push, too. */
function beyondOf(lock: Lock, chart: string, own: readonly Derived[], target: Target): Beyond | undefined {
  const known = profilesOf(lock, chart);
  const needed = new Set(own.flatMap(({ references }) => references));
  const isNeeded = (reference: string): boolean =>
    needed.has(reference) || needed.has(targetText(target, parseReference(reference)));
  const noHooks = own.every(({ profile }) => profile.options.noHooks);
  const noTests = noHooks || own.every(({ profile }) => profile.options.skipTests);
  const beyond = lock.images.flatMap(({ reference, need, found }) => {
    if (isNeeded(reference) || (noTests && need === 'test')) return [];
    const places = found.filter((place) => place.chart === chart && isByValues(place));
    const shown = noHooks ? places.filter(({ hook }) => hook === undefined) : places;
    return shown.length === 0 ? [] : [{ reference, profiles: namesOf(shown, known) }];
  });
  if (beyond.length === 0) return undefined;
  const isBeyond = ({ name }: BundledProfile): boolean => beyond.some(({ profiles }) => profiles.includes(name));
  return {
    references: beyond.map(({ reference }) => reference).sort(),
    profiles: known.filter(isBeyond),
    covered: known.filter((profile) => !isBeyond(profile)),
  };
}

/** Of all versions of the chart; images do not say of which version they are. */
function profilesOf({ charts }: Lock, chart: string): BundledProfile[] {
  return charts
    .filter(({ name }) => name === chart)
    .flatMap(({ profiles, parent }) =>
      profiles.map(({ name, given }) => ({
        name,
        ...(given === undefined ? {} : { given }),
        ...(parent === undefined ? {} : { parent }),
      })),
    );
}

/** Those in which an image was found; all of them where nobody knows, as in a bundle that was made of a lock file. */
function namesOf(places: readonly Found[], known: readonly BundledProfile[]): string[] {
  const names = known.map(({ name }) => name);
  const own = names.filter((name) => places.some(({ profile }) => profile === name || profile === `${name} (upgrade)`));
  return own.length === 0 ? names : own;
}

/** Whether the values at hand are those of a profile of the bundle, as far as that can be told. */
function isPassedOver({ covered }: Beyond, own: readonly Derived[]): boolean {
  return covered.some((profile) => own.some((one) => isLike(profile, one)));
}

/** Other values may have other names here than where the bundle was made, but none are not some. */
function isLike({ given }: BundledProfile, { profile }: Derived): boolean {
  return given === undefined || givenText(given) === '' || givenText(givenOf(profile.options)) !== '';
}

/**
 * Profiles for which nothing was derived. Unless all are wanted, whoever gives values has chosen a profile by that; who
 * gives none has chosen one only if the bundle was made without values, too.
 */
function profilesLeftOut(
  lock: Lock,
  chart: string,
  own: readonly Derived[],
  isWhole: boolean,
): readonly BundledProfile[] {
  const known = profilesOf(lock, chart).filter(({ parent }) => parent === undefined);
  if (!isWhole) return known.some((profile) => own.some((one) => isLike(profile, one))) ? [] : known;
  return known.filter((profile) => !own.some((one) => one.profile.name === profile.name && isLike(profile, one)));
}

function tellBeyond(emit: Emit, chart: string, { references, profiles }: Beyond): void {
  const images = `${references.length} more ${references.length === 1 ? 'image' : 'images'} of chart ${chart}`;
  const parents = [...new Set(profiles.flatMap(({ parent }) => parent ?? []))].join(', ');
  const advice =
    parents === '' ? 'give the values that you install with' : `for those of ${parents} there is --format aggregate`;
  const message = `the bundle holds ${images} than these values need; it was made with other values (${profiles.map(profileText).join('; ')}): ${references.join(', ')}. Only what these values install is proved: ${advice}`;
  emit({ type: 'warning', message });
}

function tellLeftOut(emit: Emit, chart: string, left: readonly BundledProfile[]): void {
  const message = `no overrides for what the bundle was made with (chart ${chart}, ${left.map(profileText).join('; ')}): it does not hold those values. Give them, with -f and the name of the chart, or as profiles with --config`;
  emit({ type: 'warning', message });
}
