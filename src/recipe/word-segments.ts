import type { Render } from '../helm/render.ts';
import type { Location } from '../inventory/finding.ts';
import { formatPath, type Leaf, leavesOf } from '../value-tracing/leaves.ts';
import { type NameSegment, segmentPath, wordSegment } from '../value-tracing/name-segments.ts';
import { buildsNothingElse, type Probe, probe, type RenderWith, referenceTemplatesOf } from '../value-tracing/probe.ts';

/**
 * Finds leaves that are single words under unrelated keys (`{name: nginx}`) and build only these locations. Such a word
 * is often a label as well, so they are probed only for locations that nothing else moves.
 */
export async function findWordSegments(
  base: Render,
  probed: Probe,
  unsolved: readonly Location[],
  render: RenderWith,
  isUsable: (leaf: Leaf) => boolean,
): Promise<NameSegment[]> {
  const known = new Set(probed.segments.map(segmentPath));
  const written = unsolved.map((location) => location.written);
  const wordSegments = leavesOf(base.values).flatMap((leaf) => {
    const segment = isUsable(leaf) && !known.has(formatPath(leaf.path)) ? wordSegment(leaf, written) : undefined;
    return segment === undefined ? [] : [segment];
  });
  if (wordSegments.length === 0) return [];
  const widerProbe = await probe(base, [...probed.segments, ...wordSegments], render);
  const referenceTemplates = referenceTemplatesOf(unsolved, base, widerProbe);
  return wordSegments.filter((segment) => buildsNothingElse(segment, widerProbe, referenceTemplates));
}
