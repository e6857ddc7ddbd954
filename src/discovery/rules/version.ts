import semver from 'semver';

/** Entry of a table for a version. */
export interface TableEntry {
  readonly text: string;
  /** True for a version above every range, or without a version: then the newest entry is used as a guess. */
  readonly guessed: boolean;
}

/**
 * Parses the release in a tag or version as `major.minor.patch`; undefined for names such as `latest`. Suffixes of
 * builds and variants are ignored.
 */
export function releaseOf(text: string | undefined): string | undefined {
  const [, major, minor, patch = '0'] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(text ?? '') ?? [];
  return major === undefined ? undefined : [major, minor, patch].map(Number).join('.');
}

/** Returns the entry of the first range that contains the release. */
export function lookUpRelease(
  table: Readonly<Record<string, string>>,
  release: string | undefined,
): TableEntry | undefined {
  const entries = Object.entries(table);
  const newest = entries.at(-1)?.[1];
  if (release !== undefined) {
    const match = entries.find(([range]) => semver.satisfies(release, range));
    if (match !== undefined) return { text: match[1], guessed: false };
    if (!entries.every(([range]) => semver.gtr(release, range))) return undefined;
  }
  return newest === undefined ? undefined : { text: newest, guessed: true };
}
