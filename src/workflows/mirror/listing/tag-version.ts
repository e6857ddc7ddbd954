import semver from 'semver';
import { compareText } from '../../../base/text-order.ts';

/** A tag read as a version. */
interface TagVersion {
  readonly tag: string;
  readonly numbers: readonly number[];
  /** Identifiers of a pre-release, such as `rc` and `1`; empty for a release. */
  readonly preRelease: readonly string[];
  /** What follows, with `#` in place of numbers and hashes: `-alpine#.#`. */
  readonly variant: string;
  /** Those numbers. */
  readonly variantNumbers: readonly number[];
}

/** Selection of {@link newestTags}. */
interface NewestTags {
  readonly newest: readonly string[];
  /** Tags that are no versions, which are left out. */
  readonly unversioned: readonly string[];
}

/**
 * Returns the newest tags by version, of each variant.
 *
 * A version is `1`, `1.2`, `v1.2.3.4` or `2024.1.15`; its numbers compare as numbers, and missing ones count as 0. A
 * pre-release (`-rc.1`, `b2`, `-dev`) comes before its release. What follows is the variant: `1.28-alpine` and `1.27-alpine`
 * compare with each other and not with `1.28`, because people who run one variant need its newest tags, whatever else there
 * is. Numbers in it belong to the version: `1.28-alpine3.20` comes after `1.28-alpine3.19`, `1.2.3-debian-12-r5` after
 * `1.2.3-debian-12-r4`, and `1.2.3-4` after `1.2.3-3`. Dates (`2024-01-15`, `20240115`) are a variant too. To keep one
 * variant only, select its tags.
 * @param limit number of tags of each variant
 */
export function newestTags(tags: readonly string[], limit: number): NewestTags {
  const versions = tags.map((tag) => parseTagVersion(tag) ?? tag);
  const variants = Map.groupBy(
    versions.filter((version) => typeof version !== 'string'),
    ({ variant }) => variant,
  );
  const newest = [...variants.values()].flatMap((versions) =>
    versions.sort((a, b) => compareVersions(b, a)).slice(0, limit),
  );
  return {
    newest: newest.map(({ tag }) => tag),
    unversioned: versions.filter((version) => typeof version === 'string'),
  };
}

/** Words of pre-releases. Letters alone are one only with a number, as Python has them: `3.14.0b1`. */
const PRE_RELEASE =
  /^[-._]?(?:(?:alpha|beta|rc|cr|pre|preview|prerelease|dev|snapshot|nightly|canary|next|ea)(?:[-._]?[0-9]{1,15})*|[abm][0-9]{1,15})(?=[-._]|$)/i;

/** Reads a tag as a version; undefined if it is none. */
function parseTagVersion(tag: string): TagVersion | undefined {
  const date = parseDate(tag);
  if (date !== undefined) return date;
  const [start, text] = /^v?([0-9]{1,15}(?:\.[0-9]{1,15})*)(?![0-9])/i.exec(tag) ?? [];
  if (start === undefined || text === undefined) return undefined;
  let rest = tag.slice(start.length);
  const preRelease: string[] = [];
  for (let match = PRE_RELEASE.exec(rest); match !== null; match = PRE_RELEASE.exec(rest)) {
    preRelease.push(...(match[0].toLowerCase().match(/[a-z]+|[0-9]+/g) ?? []));
    rest = rest.slice(match[0].length);
  }
  // A commit may begin with digits: 5f2a1bc.
  if (rest !== '' && !/^[-._]/.test(rest)) return undefined;
  return { tag, numbers: text.split('.').map(Number), preRelease, ...variantOf(rest) };
}

function parseDate(tag: string): TagVersion | undefined {
  const [start, year, month, day] =
    /^v?((?:19|20)[0-9]{2})(-?)(?:0[1-9]|1[0-2])\2(?:0[1-9]|[12][0-9]|3[01])(?![0-9])/.exec(tag)
      ? (/^v?([0-9]{4})-?([0-9]{2})-?([0-9]{2})/.exec(tag) ?? [])
      : [];
  if (start === undefined) return undefined;
  const { variant, variantNumbers } = variantOf(tag.slice(start.length));
  return { tag, numbers: [year, month, day].map(Number), preRelease: [], variant: `date${variant}`, variantNumbers };
}

/** Numbers, and hashes of commits: at least seven hexadecimal digits, one of which is a digit. */
const VARIABLE = /(?<![0-9a-z])g?(?=[a-f]*[0-9])[0-9a-f]{7,64}(?![0-9a-z])|[0-9]{1,15}/gi;

function variantOf(text: string): Pick<TagVersion, 'variant' | 'variantNumbers'> {
  const numbers = (text.match(VARIABLE) ?? []).filter((part) => /^[0-9]{1,15}$/.test(part)).map(Number);
  return { variant: text.replace(VARIABLE, '#').toLowerCase(), variantNumbers: numbers };
}

function compareVersions(a: TagVersion, b: TagVersion): number {
  return (
    compareNumbers(a.numbers, b.numbers) ||
    comparePreReleases(a.preRelease, b.preRelease) ||
    compareNumbers(a.variantNumbers, b.variantNumbers) ||
    compareText(a.tag, b.tag)
  );
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** As semantic versioning has it: a release is the highest; fewer identifiers are lower. */
function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = semver.compareIdentifiers(a[i] ?? '', b[i] ?? '');
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
