import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/read.ts';
import { type BundledProfile, givenOf, givenText, profileText } from '../../lock/given.ts';
import type { Lock, LockImage } from '../../lock/lock.ts';
import { type Target, targetText } from '../../oci/naming.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Profile } from '../search/search-render.ts';

/** Images of a chart in a bundle that the current values do not need, because the bundle was made with other values. */
export interface Beyond {
  readonly references: readonly string[];
  /** Profiles that need these images. */
  readonly profiles: readonly BundledProfile[];
  /** Profiles whose images the current values need too. */
  readonly covered: readonly BundledProfile[];
}

/** A chart and profile for which overrides were derived. */
export interface Derived {
  readonly chart: string;
  readonly version: string;
  readonly profile: Profile;
  /** All its image references, at the source or at the target. */
  readonly references: readonly string[];
}

type Found = LockImage['found'][number];

/** Kinds of findings that do not depend on the values, or come from another chart's render. */
const NOT_BY_VALUES: ReadonlySet<Found['how']> = new Set(['declared', 'nested-chart', 'image-config', 'inside-image']);

function isByValues({ how, userMade }: Found): boolean {
  return !NOT_BY_VALUES.has(how) && userMade !== true;
}

/**
 * Compares derived overrides with the images and profiles of a bundle, and warns of uncovered ones. A bundle does not
 * contain values, so overrides for its other profiles cannot be derived without them.
 * @param isComplete whether overrides for all profiles of the charts are required
 * @returns uncovered images, by chart name
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
    const isTold =
      beyond !== undefined && left.every(({ name }) => beyond.profiles.some((profile) => profile.name === name));
    if (left.length > 0 && (isWhole || !isTold)) tellLeftOut(emit, chart, left);
  }
  return found;
}

/** Returns images of a chart that no derived profile needs, by their source or target name. */
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

/** Returns profiles of all versions of the chart, because images do not record the chart version. */
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

/** Returns the profiles in which an image was found; all if unknown, as in a bundle made from a lock file. */
function namesOf(places: readonly Found[], known: readonly BundledProfile[]): string[] {
  const names = known.map(({ name }) => name);
  const own = names.filter((name) => places.some(({ profile }) => profile === name || profile === `${name} (upgrade)`));
  return own.length === 0 ? names : own;
}

/** Returns whether the current values seem to be those of a fully covered profile of the bundle. */
function isPassedOver({ covered }: Beyond, own: readonly Derived[]): boolean {
  return covered.some((profile) => own.some((one) => isLike(profile, one)));
}

/** Compares only whether values were given at all, because their names may differ between machines. */
function isLike({ given }: BundledProfile, { profile }: Derived): boolean {
  return given === undefined || givenText(given) === '' || givenText(givenOf(profile.options)) !== '';
}

/**
 * Returns profiles for which nothing was derived. Unless all are required, giving values counts as selecting a profile,
 * and giving none does so only if the bundle was made without values.
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
    parents === '' ? 'pass the values that you install with' : `use --format aggregate for the images of ${parents}`;
  const message = `the bundle has ${images} than these values need, because it was made with other values (${profiles.map(profileText).join('; ')}): ${references.join(', ')}. The proof covers only what these values install; ${advice}`;
  emit({ type: 'warning', message });
}

function tellLeftOut(emit: Emit, chart: string, left: readonly BundledProfile[]): void {
  const message = `no overrides for profiles of the bundle (chart ${chart}, ${left.map(profileText).join('; ')}), because it does not contain their values. Pass the values with -f and the name of the chart, or as profiles with --config`;
  emit({ type: 'warning', message });
}
