import { withHubName } from '../../base/docker-hub.ts';
import type { Emit } from '../../base/events.ts';
import { before, withoutEnd } from '../../base/text-ends.ts';

/**
 * Warns of mirrors on the command line that nothing was read from: most likely one is mistyped, and what it is for was
 * read from elsewhere. Those of a configuration file may well be for other runs.
 * @param images references, as they are written out
 * @param charts where charts came from: `https://repository/name`, `oci://host/name`
 */
export function warnUnusedMirrors(
  emit: Emit,
  flags: { readonly mirror?: readonly string[]; readonly chartMirror: readonly string[] },
  images: readonly string[],
  charts: readonly string[],
): void {
  const pulled = [...images, ...charts.map((source) => source.replace(/^oci:\/\//, ''))];
  const warn = (flag: string, mirror: string, names: readonly string[], what: string): void => {
    const from = withoutEnd(before(mirror, '='), '/');
    const plain = withHubName(from);
    const isUsed = names.some((name) => name.startsWith(plain) && /^(?:[/:@]|$)/.test(name.slice(plain.length)));
    if (from === '*' || isUsed) return;
    emit({ type: 'warning', message: `${flag} ${mirror}: ${what} comes from ${from}` });
  };
  for (const mirror of flags.mirror ?? []) warn('--mirror', mirror, pulled, 'no image');
  for (const mirror of flags.chartMirror) warn('--chart-mirror', mirror, charts, 'no chart');
}
