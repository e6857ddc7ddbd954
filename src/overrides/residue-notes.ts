import type { PostRenderEntry, PullSecretEntry } from './post-render-map.ts';
import type { Residue } from './proof.ts';
import type { TemplateChange } from './template-edits.ts';

/** What the head of an overrides file says of a map; nothing for one without entries. */
export function postRenderNotes(
  map: string,
  entries: readonly PostRenderEntry[],
  pods: readonly PullSecretEntry[] = [],
): string[] {
  if (entries.length + pods.length === 0) return [];
  const moved = entries.map(({ from, template, path, hook }) => {
    const place = [template, ...(path === undefined ? [] : [path])].join(' ');
    return `  ${from} (${place}${hook ? ', a hook: on Helm 4 only' : ''})`;
  });
  const given = pods.map(({ kind, template, path }) => `  ${kind} (${template}, ${path})`);
  return [
    'Needs a post-renderer, for what no value reaches; docs/post-render.md says how to install it:',
    `  Helm 3: --post-renderer PLUGIN/scripts/airgap-post-render --post-renderer-args --map=${map}`,
    `  Helm 4: --post-renderer airgap-post-render --post-renderer-args --map=${map}`,
    ...(moved.length === 0 ? [] : ['It moves:', ...[...new Set(moved)].sort()]),
    ...(pods.length === 0 ? [] : ['It gives the pull secret to:', ...[...new Set(given)].sort()]),
  ];
}

/** What to do about references in hooks, which Helm 3 gives to no post-renderer. */
export const HOOKS_HINT =
  'Helm 3 gives hooks to no post-renderer; use Helm 4, --residue=repack, or install with --no-hooks';

/** Where residue stands, and why it is there when its place is in a hook. */
export function residueNote(residue: Residue, hidden: readonly Residue[]): string {
  const { reference, template, path, because } = residue;
  const why = hidden.includes(residue) ? HOOKS_HINT : because;
  return `Still public: ${reference} (${template} ${path})${why === undefined ? '' : `: ${why}`}`;
}

/** What the head of an overrides file says of a chart with changed templates; nothing for one without changes. */
export function changedChartNotes(archive: string, changes: readonly TemplateChange[]): string[] {
  if (changes.length === 0) return [];
  return [
    `Needs the chart in ${archive}, for what no value reaches: the upstream's chart, with private names in`,
    ...changes.map(({ file, line, from }) => `  ${file}:${line} (${from || 'the pull secret'})`),
  ];
}
