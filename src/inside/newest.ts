/** As file systems have it (NAME_MAX); a longer name is no version's. */
const LONGEST = 255;

/**
 * The newest among siblings whose names are versions: an operator brings the manifests of older releases along, and
 * installs the newest unless told. Folders, and files that differ in a version only.
 * @returns the paths that lie in no older sibling
 */
export function newestOf(paths: readonly string[]): Set<string> {
  const newest = new Map<string, readonly number[]>();
  const placesOf = (path: string): { family: string; version: readonly number[] }[] => {
    const components = path.split('/');
    return components.flatMap((component, i) => {
      if (component.length > LONGEST) return [];
      const match = /(?:v|(?<![\dv]))(\d+(?:\.\d+)+)/.exec(component) ?? /^v?(\d+)$/.exec(component);
      if (match === null) return [];
      const isFile = i === components.length - 1;
      const family = [...components.slice(0, i), around(component, match)].join('/') + (isFile ? '' : '/');
      return [{ family, version: (match[1] ?? '').split('.').map(Number) }];
    });
  };
  for (const path of paths) {
    for (const { family, version } of placesOf(path)) {
      const best = newest.get(family);
      if (best === undefined || compare(version, best) > 0) newest.set(family, version);
    }
  }
  return new Set(
    paths.filter((path) =>
      placesOf(path).every(({ family, version }) => compare(version, newest.get(family) ?? []) >= 0),
    ),
  );
}

/** A name with a star in place of its version. */
function around(name: string, { 0: version, index }: RegExpExecArray): string {
  return `${name.slice(0, index)}*${name.slice(index + version.length)}`;
}

/** Version numbers, the newer one greater. */
export function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
