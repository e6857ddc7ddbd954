/** NAME_MAX of file systems; longer names are ignored. */
const MAX_NAME_LENGTH = 255;

/**
 * Selects the newest among sibling files or folders whose names differ only in a version. Operators contain manifests
 * of older releases and install the newest by default.
 * @returns the paths that are not in an older sibling
 */
export function pathsOfNewestVersions(paths: readonly string[]): Set<string> {
  const newest = new Map<string, readonly number[]>();
  const versionedComponents = (path: string): { siblings: string; version: readonly number[] }[] => {
    const components = path.split('/');
    return components.flatMap((component, i) => {
      if (component.length > MAX_NAME_LENGTH) return [];
      const match = /(?:v|(?<![\dv]))(\d+(?:\.\d+)+)/.exec(component) ?? /^v?(\d+)$/.exec(component);
      if (match === null) return [];
      const isFile = i === components.length - 1;
      const siblings = [...components.slice(0, i), withoutVersion(component, match)].join('/') + (isFile ? '' : '/');
      return [{ siblings, version: (match[1] ?? '').split('.').map(Number) }];
    });
  };
  for (const path of paths) {
    for (const { siblings, version } of versionedComponents(path)) {
      const best = newest.get(siblings);
      if (best === undefined || compareVersionNumbers(version, best) > 0) newest.set(siblings, version);
    }
  }
  return new Set(
    paths.filter((path) =>
      versionedComponents(path).every(
        ({ siblings, version }) => compareVersionNumbers(version, newest.get(siblings) ?? []) >= 0,
      ),
    ),
  );
}

/** Replaces the version in a name with an asterisk. */
function withoutVersion(name: string, { 0: version, index }: RegExpExecArray): string {
  return `${name.slice(0, index)}*${name.slice(index + version.length)}`;
}

/** Compares version numbers; positive if `a` is newer. */
export function compareVersionNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
