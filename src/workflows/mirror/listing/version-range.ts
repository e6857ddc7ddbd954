import semver from 'semver';

/** A condition of a range that npm's syntax does not have: `!= 1.2.3`. */
const NOT_EQUAL = /!=\s*([^\s,]+)/g;

/**
 * Returns the tags that are semantic versions within a range, as `skopeo sync` selects them (images-by-semver, with the syntax of
 * Masterminds/semver): commas mean "and", parts of versions may be missing, a leading v is allowed, and pre-releases match only
 * if a condition between two "or" names one.
 */
export function satisfyingTags(range: string, tags: readonly string[]): readonly string[] {
  const alternatives = rangesOf(range);
  return tags.filter((tag) => {
    const version = versionOf(tag);
    return (
      version !== undefined &&
      alternatives.some(({ within, except, includePrerelease }) => {
        if (!semver.satisfies(version, within, { includePrerelease })) return false;
        return !except.some((excluded) => semver.satisfies(version, excluded));
      })
    );
  });
}

/** Reports whether a text is a range. */
export function isVersionRange(range: string): boolean {
  return rangesOf(range).every(({ within, except }) =>
    [within, ...except].every((text) => semver.validRange(text) !== null),
  );
}

/** Conditions that all have to hold. */
interface Conditions {
  /** In npm's syntax. */
  readonly within: string;
  /** Versions that are left out. */
  readonly except: readonly string[];
  readonly includePrerelease: boolean;
}

function rangesOf(range: string): readonly Conditions[] {
  return range.split('||').map((text) => ({
    within:
      text.replace(NOT_EQUAL, ' ').replaceAll(',', ' ').replaceAll('=>', '>=').replaceAll('=<', '<=').trim() || '*',
    except: [...text.matchAll(NOT_EQUAL)].map(([, version = '']) => version),
    // A dash between spaces is a range from one version to another.
    includePrerelease: /[0-9]-[0-9A-Za-z]/.test(text),
  }));
}

/** Returns the version of a tag, with missing parts as 0; undefined if it is none. */
function versionOf(tag: string): string | undefined {
  const [, major, minor = '.0', patch = '.0', rest = ''] =
    /^v?([0-9]{1,15})(\.[0-9]{1,15})?(\.[0-9]{1,15})?(-[0-9A-Za-z.-]+)?$/.exec(tag) ?? [];
  return major === undefined ? undefined : (semver.valid(`${major}${minor}${patch}${rest}`) ?? undefined);
}
