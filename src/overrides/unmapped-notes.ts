import type { PostRenderEntry, PullSecretEntry } from './post-render-map.ts';
import type { UnmappedReference } from './proof.ts';
import type { TemplateChange } from './template-edits.ts';

/** Comment lines about the post-render map for the top of an overrides file; none for a map without entries. */
export function postRenderNotes(
  map: string,
  entries: readonly PostRenderEntry[],
  pods: readonly PullSecretEntry[] = [],
): string[] {
  if (entries.length + pods.length === 0) return [];
  const moves = entries.map(({ from, template, path, hook }) => {
    const location = [template, ...(path === undefined ? [] : [path])].join(' ');
    return `  ${from} (${location}${hook ? ', a hook: Helm 4 only' : ''})`;
  });
  const additions = pods.map(({ kind, template, path }) => `  ${kind} (${template}, ${path})`);
  return [
    'Needs a post-renderer for references that no value changes (docs/post-render.md):',
    `  Helm 3: --post-renderer PLUGIN/scripts/airgap-post-render --post-renderer-args --map=${map}`,
    `  Helm 4: --post-renderer airgap-post-render --post-renderer-args --map=${map}`,
    ...(moves.length === 0 ? [] : ['It rewrites:', ...[...new Set(moves)].sort()]),
    ...(pods.length === 0 ? [] : ['It adds the pull secret to:', ...[...new Set(additions)].sort()]),
  ];
}

/** Advice for references in hooks. */
export const HOOKS_HINT =
  'Helm 3 does not pass hooks to post-renderers: use Helm 4 or --unmapped=repack, or install with --no-hooks';

/** Describes an unmapped reference with its location and the reason. */
export function unmappedNote(unmapped: UnmappedReference, inHooks: readonly UnmappedReference[]): string {
  const { reference, template, path, because } = unmapped;
  const reason = inHooks.includes(unmapped) ? HOOKS_HINT : because;
  return `Still public: ${reference} (${template} ${path})${reason === undefined ? '' : `: ${reason}`}`;
}

/** Comment lines about changed templates for the top of an overrides file; none without changes. */
export function changedChartNotes(archive: string, changes: readonly TemplateChange[]): string[] {
  if (changes.length === 0) return [];
  return [
    `Needs the repacked chart ${archive}: the upstream chart with these template lines changed:`,
    ...changes.map(({ file, line, from }) => `  ${file}:${line} (${from || 'the pull secret'})`),
  ];
}
