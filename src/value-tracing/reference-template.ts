import { readRuns, type TextRun } from './markers.ts';
import { type NameSegment, occurrences } from './name-segments.ts';

/**
 * One part of a reference: a literal of the template, or components of a name from the values. `text` is the part's
 * text with the current values; the texts of all parts are the reference.
 */
export type TemplatePart =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'segment';
      readonly segment: NameSegment;
      /** First and last component of the segment in this part. */
      readonly from: number;
      readonly to: number;
      readonly text: string;
    };

/** Parts of a reference in order. */
export type ReferenceTemplate = TemplatePart[];

/**
 * Returns the templates of a reference in one text of the render, one for each occurrence. If the marked text without
 * its markers equals the unmarked text, offsets map one to one. Otherwise (an empty leaf was filled, a checksum next to
 * it changed) the text around the reference has to be equal in both.
 */
export function referenceTemplatesIn(
  base: string,
  marked: string,
  written: string,
  segments: readonly NameSegment[],
): ReferenceTemplate[] {
  if (base === marked) return [];
  const runs = readRuns(marked, segments);
  const isUnchanged = unmarkedText(runs) === base;
  const found: ReferenceTemplate[] = [];
  // Unlike in wholeOccurrences, the text is known to contain the reference: a colon or a dot after it ends a sentence, a
  // key, or a field of a split reference.
  for (const start of occurrences(base, written, /[\w./@-]/, /[\w/@-]/)) {
    const exactRuns = isUnchanged ? runsBetween(runs, start, start + written.length) : undefined;
    const parts = exactRuns ?? runsByLine(base, marked, start, written, segments);
    if (parts !== undefined) found.push(joinRuns(parts));
  }
  return found;
}

function unmarkedText(runs: readonly TextRun[]): string {
  return runs.map((run) => (run.segment === undefined ? run.literal : run.text)).join('');
}

/** Returns the runs between two offsets of the unmarked text; undefined if an offset is inside a component. */
function runsBetween(runs: readonly TextRun[], start: number, end: number): TextRun[] | undefined {
  const selected: TextRun[] = [];
  let offset = 0;
  for (const run of runs) {
    const text = run.segment === undefined ? run.literal : run.text;
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, text.length);
    offset += text.length;
    if (from >= to) continue;
    if (run.segment === undefined) selected.push({ literal: text.slice(from, to) });
    else if (from === 0 && to === text.length) selected.push(run);
    else return undefined;
  }
  return selected;
}

function runsByLine(
  base: string,
  marked: string,
  start: number,
  written: string,
  segments: readonly NameSegment[],
): TextRun[] | undefined {
  const lines = base.split('\n');
  const markedLines = marked.split('\n');
  if (lines.length !== markedLines.length) return undefined;
  let offset = 0;
  for (const [i, line] of lines.entries()) {
    if (start <= offset + line.length) {
      const before = line.slice(0, start - offset);
      const after = line.slice(start - offset + written.length);
      const markedLine = markedLines[i] ?? '';
      const runs = readRuns(markedLine, segments);
      if (unmarkedText(runs) === line) return runsBetween(runs, start - offset, start - offset + written.length);
      if (
        !markedLine.startsWith(before) ||
        !markedLine.endsWith(after) ||
        markedLine.length < before.length + after.length
      )
        return undefined;
      return readRuns(markedLine.slice(before.length, markedLine.length - after.length), segments);
    }
    offset += line.length + 1;
  }
  return undefined;
}

/** Joins adjacent components of one segment, with the slashes between them, into one part. */
function joinRuns(runs: readonly TextRun[]): ReferenceTemplate {
  const parts: ReferenceTemplate = [];
  for (const [i, run] of runs.entries()) {
    const last = parts.at(-1);
    if (run.segment === undefined) {
      const next = runs[i + 1];
      const continues =
        run.literal === '/' &&
        last?.kind === 'segment' &&
        next?.segment === last.segment &&
        next.component === last.to + 1;
      if (continues) continue;
      // The marker of an empty leaf includes a tag, which belongs to the leaf and not to the template.
      const isSuffix =
        last?.kind === 'segment' && last.segment.suffix !== '' && run.literal.startsWith(last.segment.suffix);
      const literal = isSuffix ? run.literal.slice(last.segment.suffix.length) : run.literal;
      if (literal !== '') parts.push({ kind: 'literal', text: literal });
      continue;
    }
    if (
      last?.kind === 'segment' &&
      last.segment === run.segment &&
      run.component === last.to + 1 &&
      runs[i - 1]?.segment === undefined
    ) {
      parts[parts.length - 1] = { ...last, to: run.component, text: `${last.text}/${run.text}` };
    } else {
      parts.push({ kind: 'segment', segment: run.segment, from: run.component, to: run.component, text: run.text });
    }
  }
  return parts;
}
