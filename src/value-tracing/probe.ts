import { BASE64_IN_TEXT } from '../base/base64.ts';
import { scalarAt } from '../base/field-path.ts';
import { readYamlValues } from '../base/yaml-read.ts';
import { documentKey, type RenderedDocument } from '../helm/documents.ts';
import type { Render, Values } from '../helm/render.ts';
import { typeMetaOf } from '../helm/type-meta.ts';
import type { Location } from '../inventory/finding.ts';
import { findAccepted } from './bisection.ts';
import { buildOverlay } from './leaves.ts';
import { hasMarker, markLeaves, readRuns } from './markers.ts';
import type { NameSegment } from './name-segments.ts';
import { type ReferenceTemplate, referenceTemplatesIn, type TemplatePart } from './reference-template.ts';
import { namedBy } from './refusals.ts';

/** Renders the chart with these overrides; throws `chart-render` if the chart refuses them. */
export type RenderWith = (overrides: Values) => Promise<Render>;

/** A render with marked values, and the segments whose markers the chart accepted. */
export interface Probe {
  readonly segments: readonly NameSegment[];
  readonly documents: readonly RenderedDocument[];
}

/**
 * Renders with all segments marked at once, except those that the chart refuses to change. The segments of one leaf are
 * accepted or refused together, because a leaf is one value.
 */
export async function probe(base: Render, segments: readonly NameSegment[], render: RenderWith): Promise<Probe> {
  const leaves = [...Map.groupBy(segments, ({ leaf }) => leaf)].map(([{ path }, parts]) => ({ path, parts }));
  const attempt = (selected: Readonly<typeof leaves>): Promise<Render> => {
    const marked = markLeaves(selected.flatMap(({ parts }) => parts));
    const settings = marked.map(({ leaf, value }) => ({ path: leaf.path, value }));
    return render(buildOverlay(base.values, settings));
  };
  const best = await findAccepted(leaves, attempt, namedBy);
  return { segments: best?.items.flatMap(({ parts }) => parts) ?? [], documents: best?.result.documents ?? [] };
}

/** Returns the templates of each reference, in the order of the locations; empty if no marker reaches it. */
export function referenceTemplatesOf(
  locations: readonly Location[],
  base: Render,
  probed: Probe,
): ReferenceTemplate[][] {
  const before = byDocument(base.documents);
  const after = byDocument(probed.documents);
  // One text may contain many references, and one reference many times: each is searched once.
  const cache = new Map<string, Map<string, ReferenceTemplate[]>>();
  const cached = (unmarked: string, marked: string, written: string): ReferenceTemplate[] => {
    const textCache = cache.get(unmarked) ?? new Map<string, ReferenceTemplate[]>();
    cache.set(unmarked, textCache);
    const key = `${written}\n${marked}`;
    const found = textCache.get(key) ?? referenceTemplatesIn(unmarked, marked, written, probed.segments);
    textCache.set(key, found);
    return found;
  };
  return locations.map((location) => {
    const key = documentKey(location.template, location.document);
    const unmarked = before.get(key);
    const marked = after.get(key);
    if (unmarked === undefined || marked === undefined || unmarked.text === marked.text || !mayContainMarker(marked))
      return [];
    if (location.parts === undefined) {
      return textPairs(unmarked, marked, location).flatMap(([unmarkedText, markedText]) =>
        cached(unmarkedText, markedText, location.written),
      );
    }
    const joined = joinSplit(location, unmarked, marked, probed.segments);
    return joined === undefined ? [] : [joined];
  });
}

/** Reports whether a segment occurs in these references and nowhere else in the render. */
export function buildsNothingElse(
  segment: NameSegment,
  { documents, segments }: Probe,
  referenceTemplates: readonly ReferenceTemplate[][],
): boolean {
  const isOfSegment = ({ segment: other }: { readonly segment?: NameSegment }): boolean => other === segment;
  const inReferences = referenceTemplates.flat(2).filter((part) => part.kind === 'segment' && isOfSegment(part)).length;
  const rendered = documents.flatMap(({ text }) =>
    hasMarker(text) ? readRuns(text, segments).filter(isOfSegment) : [],
  );
  return inReferences > 0 && rendered.length === inReferences;
}

function byDocument(documents: readonly RenderedDocument[]): Map<string, RenderedDocument> {
  return new Map(documents.map((document) => [documentKey(document.template, document.index), document]));
}

/** Fast test before parsing; the data of a Secret may contain markers in base64. */
function mayContainMarker(document: RenderedDocument): boolean {
  const { text } = document;
  const kind = typeMetaOf(document)?.kind;
  return (
    kind === undefined ||
    kind === 'Secret' ||
    hasMarker(text) ||
    /(?<![A-Za-z0-9+/])(?![0-9a-f]{60})[A-Za-z0-9+/=]{60}/.test(text)
  );
}

/**
 * Returns the pairs of unmarked and marked text at a location, the narrowest first: the text inside the field if its
 * structure allows, then the field, then the base64 in it, decoded (the data of a Secret or a blob in a script).
 */
function textPairs(
  unmarked: RenderedDocument,
  marked: RenderedDocument,
  { path, within }: Pick<Location, 'path' | 'within'>,
): [string, string][] {
  const unmarkedText = scalarAt(unmarked.object, path);
  const markedText = scalarAt(marked.object, path);
  if (unmarkedText === undefined || markedText === undefined || unmarkedText === markedText) return [];
  const inner = within === undefined ? undefined : [nestedText(unmarkedText, within), nestedText(markedText, within)];
  // Lines are not fixed positions: compare all base64 of the text.
  const isBlobInLine = within !== undefined && /(?:^| > )line \d+ > base64/.test(within);
  if (inner?.[0] !== undefined && inner[1] !== undefined && !isBlobInLine) return [[inner[0], inner[1]]];
  const before = unmarkedText.match(BASE64_IN_TEXT) ?? [];
  const after = markedText.match(BASE64_IN_TEXT) ?? [];
  if (before.length !== after.length) return [[unmarkedText, markedText]];
  const decoded = before.map((blob, i): [string, string] => [decode(blob), decode(after[i] ?? '')]);
  return isBlobInLine ? decoded : [[unmarkedText, markedText], ...decoded];
}

function decode(blob: string): string {
  return Buffer.from(blob, 'base64').toString('utf8');
}

/** Joins the templates of the fields of a split reference in the order of the reference. */
function joinSplit(
  location: Location,
  unmarked: RenderedDocument,
  marked: RenderedDocument,
  segments: readonly NameSegment[],
): ReferenceTemplate | undefined {
  const parts: ReferenceTemplate = [];
  let offset = 0;
  for (const { path, at, text } of location.parts ?? []) {
    const start = location.written.indexOf(text, offset);
    if (start < 0) return undefined;
    if (start > offset) parts.push({ kind: 'literal', text: location.written.slice(offset, start) });
    offset = start + text.length;
    // The fields of a split reference inside a text are fields of that text.
    const field = at ?? (location.within === undefined ? { path } : { path: location.path, within: path });
    const pairs = textPairs(unmarked, marked, field);
    const [template] = pairs.flatMap(([unmarkedText, markedText]) =>
      referenceTemplatesIn(unmarkedText, markedText, text, segments),
    );
    parts.push(...(template ?? [{ kind: 'literal', text } satisfies TemplatePart]));
  }
  if (offset < location.written.length) parts.push({ kind: 'literal', text: location.written.slice(offset) });
  return parts.some(({ kind }) => kind === 'segment') ? parts : undefined;
}

/**
 * Follows the steps inside the text of a field (`base64 > yaml:sidecar.image`, see Location.within) as far as they are
 * structural. Lines and words are not fixed positions, so the text that contains them is returned. Undefined if the
 * text does not have that structure.
 */
export function nestedText(text: string, within: string): string | undefined {
  let current: string | undefined = text;
  for (const step of within.split(' > ')) {
    if (current === undefined) return undefined;
    const [, position, path] = /^(?:yaml|json)(?:\[(\d+)\])?:(.*)$/s.exec(step) ?? [];
    if (step === 'base64') current = Buffer.from(current, 'base64').toString('utf8');
    else if (path === undefined) return current;
    else current = scalarAt(readYamlValues(current)?.[Number(position ?? 0)], path);
  }
  return current;
}
