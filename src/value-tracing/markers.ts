import type { Leaf } from './leaves.ts';
import { fillLeaf, type NameSegment } from './name-segments.ts';

/**
 * Markers replace a leaf in a probing render and are recognizable in it component by component, whatever the templates
 * did with them. They keep the shape of the leaf: a host stays a host with its port, a path keeps its number of
 * components, and tag and digest are unchanged. Charts that compare versions or split at slashes therefore behave as
 * without markers.
 */

const TOKEN = /ag([0-9a-z]{4})x(\d\d)z(?:\.invalid(?::\d+)?)?/g;

/** Returns the marker of a segment; `id` is unique in the probe, below 36^4. */
function markerOf(segment: NameSegment, id: number): string {
  const tokens = segment.components.map((text, i) => {
    const token = `ag${id.toString(36).padStart(4, '0')}x${String(i).padStart(2, '0')}z`;
    return i === 0 && segment.hostFirst ? `${token}.invalid${/:\d+$/.exec(text)?.[0] ?? ''}` : token;
  });
  return tokens.join('/') + segment.suffix;
}

/** Returns the marked values of all leaves with segments; the id of a segment is its index in `segments`. */
export function markLeaves(segments: readonly NameSegment[]): { leaf: Leaf; value: string }[] {
  const byLeaf = Map.groupBy(
    segments.map((segment, id) => ({ segment, text: markerOf(segment, id) })),
    ({ segment }) => segment.leaf,
  );
  return [...byLeaf].map(([leaf, markings]) => ({ leaf, value: fillLeaf(leaf, markings) }));
}

/** A part of a marked text: literal text, or one component of a segment. */
export type TextRun =
  | { readonly literal: string; readonly segment?: undefined }
  | { readonly segment: NameSegment; readonly component: number; readonly text: string };

/** Splits a marked text; the text of a run is the unmarked text. */
export function readRuns(text: string, segments: readonly NameSegment[]): TextRun[] {
  const runs: TextRun[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const segment = segments[Number.parseInt(match[1] ?? '', 36)];
    const component = Number(match[2]);
    const original = segment?.components[component];
    if (segment === undefined || original === undefined) continue;
    if (match.index > end) runs.push({ literal: text.slice(end, match.index) });
    runs.push({ segment, component, text: original });
    end = match.index + match[0].length;
  }
  if (end < text.length) runs.push({ literal: text.slice(end) });
  return runs;
}

export function hasMarker(text: string): boolean {
  return /ag[0-9a-z]{4}x\d\dz/.test(text);
}
