import { canonicalHubName } from '../../base/docker-hub.ts';
import type { Emit } from '../../base/events.ts';
import { textBefore, trimTrailing } from '../../base/text-trim.ts';

/**
 * Warns about mirrors on the command line that were not used: most likely they are mistyped. Mirrors of a configuration file
 * may be for other runs.
 * @param images normalized references
 * @param charts sources of charts: `https://repository/name`, `oci://host/name`
 */
export function warnUnusedMirrors(
  emit: Emit,
  flags: { readonly mirror?: readonly string[]; readonly chartMirror: readonly string[] },
  images: readonly string[],
  charts: readonly string[],
): void {
  const pulled = [...images, ...charts.map((source) => source.replace(/^oci:\/\//, ''))];
  const warn = (flag: string, mirror: string, names: readonly string[], subject: string): void => {
    const from = trimTrailing(textBefore(mirror, '='), '/');
    const canonical = canonicalHubName(from);
    const isUsed = names.some(
      (name) => name.startsWith(canonical) && /^(?:[/:@]|$)/.test(name.slice(canonical.length)),
    );
    if (from === '*' || isUsed) return;
    emit({ type: 'warning', message: `${flag} ${mirror} was not used: ${subject} comes from ${from}` });
  };
  for (const mirror of flags.mirror ?? []) warn('--mirror', mirror, pulled, 'no image');
  for (const mirror of flags.chartMirror) warn('--chart-mirror', mirror, charts, 'no chart');
}
