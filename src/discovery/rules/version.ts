import semver from 'semver';

/** What a table says for a version. */
export interface Entry {
  readonly text: string;
  /** Newer than every range, or no version at all: then it is the newest entry, and a guess. */
  readonly guessed: boolean;
}

/** The release that a tag or version names, as `major.minor.patch`; undefined for names like `latest`. Suffixes of builds and variants do not count. */
export function releaseOf(text: string | undefined): string | undefined {
  const [, major, minor, patch = '0'] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(text ?? '') ?? [];
  return major === undefined ? undefined : [major, minor, patch].map(Number).join('.');
}

/** The entry of the first range that holds the release. */
export function lookUp(table: Readonly<Record<string, string>>, release: string | undefined): Entry | undefined {
  const entries = Object.entries(table);
  const newest = entries.at(-1)?.[1];
  if (release !== undefined) {
    const match = entries.find(([range]) => semver.satisfies(release, range));
    if (match !== undefined) return { text: match[1], guessed: false };
    if (!entries.every(([range]) => semver.gtr(release, range))) return undefined;
  }
  return newest === undefined ? undefined : { text: newest, guessed: true };
}
