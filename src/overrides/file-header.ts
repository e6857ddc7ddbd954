import { formatTarget, type Target } from '../naming/naming.ts';
import type { PostRenderEntry, PullSecretEntry } from './edits/post-render-map.ts';
import type { PostRenderPlan } from './edits/post-render-plan.ts';
import type { TemplateChange } from './edits/template-edits.ts';
import type { Proof, UnmappedReference } from './proof/proof.ts';

const TITLE = 'Overrides for chart';

/** Reports whether a text is a file with overrides, which may be overwritten. */
export function isOverridesFile(text: string): boolean {
  return text.startsWith(`# ${TITLE} `);
}

/** Formats the first line of a file with overrides. */
export function titleLine(charts: string, target: Target): string {
  return `${TITLE} ${charts}, target ${formatTarget(target)}.`;
}

/** Formats the line about a reference that the overrides do not redirect. */
export function stillPublicLine({ reference }: UnmappedReference, position: string, reason?: string): string {
  return `Still public: ${reference} (${position})${reason === undefined ? '' : `: ${reason}`}`;
}

/** Comment lines about references that stay public on purpose, and about images that do not exist. */
export function stateNotes({ allowed = [], missing = [] }: Proof): string[] {
  const lines = [
    ...allowed.map(({ reference, reason }) => `Public on purpose: ${reference} (${reason})`),
    ...missing.map(({ reference, why, allowed: accepted }) =>
      accepted === undefined
        ? `Missing: ${reference} (${why})`
        : `Missing, accepted${accepted.reason === undefined ? '' : ` (${accepted.reason})`}: ${reference}`,
    ),
  ];
  return [...new Set(lines)];
}

/** Chart whose overrides a file contains, and their proof. */
export interface ProvenChart {
  readonly chart: string;
  readonly version: string;
  readonly proof: Proof;
}

/** What the overrides need besides the chart, in a file of this name. */
export interface NeededFile {
  readonly name: string;
  readonly postRender: PostRenderPlan | undefined;
  readonly changes: readonly TemplateChange[];
}

/**
 * Returns the comment lines at the top of a file with the overrides of one chart: result of the proof, what the overrides
 * need, and what they do not do.
 * @param needed if absent, the reasons of unmapped references are left out too
 */
export function overridesHeader({ chart, version, proof }: ProvenChart, target: Target, needed?: NeededFile): string[] {
  const { references, rewritten, residue, skipped } = proof;
  const reasonOf = (unmapped: UnmappedReference): string | undefined =>
    needed?.postRender?.inHooks.includes(unmapped) ? HOOKS_HINT : needed && unmapped.because;
  return [
    titleLine(`${chart} ${version}`, target),
    skipped
      ? `Not proved (--no-proof): it was not checked that all ${references} references are private.`
      : `Proved by rendering: ${rewritten} of ${references} references are private.`,
    ...(needed === undefined ? [] : neededFileNotes(needed)),
    ...residue.map((unmapped) =>
      stillPublicLine(unmapped, `${unmapped.template} ${unmapped.path}`, reasonOf(unmapped)),
    ),
    ...stateNotes(proof),
    ...additionNotes(proof),
  ];
}

function neededFileNotes({ name, postRender, changes }: NeededFile): string[] {
  return [
    ...postRenderNotes(name, postRender?.entries ?? [], postRender?.pullSecret?.pods),
    ...changedChartNotes(name, changes),
  ];
}

/** Comment lines about the post-render map none for a map without entries. */
function postRenderNotes(
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

/** Comment lines about changed templates; none without changes. */
function changedChartNotes(archive: string, changes: readonly TemplateChange[]): string[] {
  if (changes.length === 0) return [];
  return [
    `Needs the repacked chart ${archive}: the upstream chart with these template lines changed:`,
    ...changes.map(({ file, line, from }) => `  ${file}:${line} (${from || 'the pull secret'})`),
  ];
}

const OPERATOR_PODS = 'Pull secret unknown (pods created by the installed software)';

/** Comment lines about the pull secret and digests; none if neither was requested. */
function additionNotes({ withoutPullSecret = [], pullSecretUnknown = [], pins }: Proof): string[] {
  return [
    ...withoutPullSecret.map(({ kind, name, template }) => `Without the pull secret: ${kind}/${name} (${template})`),
    ...(pullSecretUnknown.length === 0 ? [] : [`${OPERATOR_PODS}: ${pullSecretUnknown.join(', ')}`]),
    ...(pins === undefined ? [] : [`Pinned to their digests: ${pins.pinned} of ${pins.pinnable} references.`]),
    ...(pins?.left ?? []).map(({ reference, template, path }) => `Not pinned: ${reference} (${template} ${path})`),
  ];
}
