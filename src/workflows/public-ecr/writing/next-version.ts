import { parse } from 'semver';

/** Part of a chart's version to raise. */
export type Bump = 'patch' | 'minor';

/**
 * Returns the version after a change of the chart; a leading `v` and build metadata stay. A pre-release stays one: its number is
 * raised (`1.2.0-rc.1` to `1.2.0-rc.2`), unless a minor version is wanted of what becomes a patch (`1.2.3-rc.1` to `1.3.0-rc.1`).
 * @returns undefined if the version is no SemVer with three numbers
 */
export function nextVersion(version: string, bump: Bump): string | undefined {
  const [, prefix = '', rest = ''] = /^(v?)(.*)$/s.exec(version) ?? [];
  const parsed = parse(rest);
  // The library also takes spaces and a `v` of its own.
  if (parsed === null || !/^\d\S*$/.test(rest)) return undefined;
  const { build } = parsed;
  const hasPrerelease = parsed.prerelease.length > 0;
  if (hasPrerelease && bump === 'minor' && parsed.patch !== 0) {
    const next = `${parsed.major}.${parsed.minor + 1}.0-${parsed.prerelease.join('.')}`;
    return withBuild(`${prefix}${next}`, build);
  }
  return withBuild(`${prefix}${parsed.inc(hasPrerelease ? 'prerelease' : bump).version}`, build);
}

function withBuild(version: string, build: readonly string[]): string {
  return build.length === 0 ? version : `${version}+${build.join('.')}`;
}
