import { type Run, readRuns } from './markers.ts';
import { occurrences, type Slot } from './slots.ts';

/**
 * One part of a reference: a literal of the template, or components of a name from the values. `text` is the part's
 * text with the current values; the texts of all parts are the reference.
 */
export type Part =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'segment';
      readonly slot: Slot;
      /** First and last component of the segment in this part. */
      readonly from: number;
      readonly to: number;
      readonly text: string;
    };

/** Parts of a reference in order. */
export type ReferenceTemplate = Part[];

/**
 * Returns the templates of a reference in one text of the render, one for each occurrence. If the marked text without
 * its markers equals the unmarked text, offsets map one to one. Otherwise (an empty leaf was filled, a checksum next to
 * it changed) the text around the reference has to be equal in both.
 */
export function compositionsIn(
  base: string,
  marked: string,
  written: string,
  slots: readonly Slot[],
): ReferenceTemplate[] {
  if (base === marked) return [];
  const runs = readRuns(marked, slots);
  const isSame = plain(runs) === base;
  const found: ReferenceTemplate[] = [];
  for (const start of occurrences(base, written, /[\w./@-]/, /[\w/@-]/)) {
    const whole = isSame ? cut(runs, start, start + written.length) : undefined;
    const parts = whole ?? byLine(base, marked, start, written, slots);
    if (parts !== undefined) found.push(join(parts));
  }
  return found;
}

function plain(runs: readonly Run[]): string {
  return runs.map((run) => (run.slot === undefined ? run.literal : run.text)).join('');
}

/** Returns the runs between two offsets of the unmarked text; undefined if an offset is inside a component. */
function cut(runs: readonly Run[], start: number, end: number): Run[] | undefined {
  const inside: Run[] = [];
  let at = 0;
  for (const run of runs) {
    const text = run.slot === undefined ? run.literal : run.text;
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, text.length);
    at += text.length;
    if (from >= to) continue;
    if (run.slot === undefined) inside.push({ literal: text.slice(from, to) });
    else if (from === 0 && to === text.length) inside.push(run);
    else return undefined;
  }
  return inside;
}

function byLine(
  base: string,
  marked: string,
  start: number,
  written: string,
  slots: readonly Slot[],
): Run[] | undefined {
  const lines = base.split('\n');
  const markedLines = marked.split('\n');
  if (lines.length !== markedLines.length) return undefined;
  let offset = 0;
  for (const [i, line] of lines.entries()) {
    if (start <= offset + line.length) {
      const before = line.slice(0, start - offset);
      const after = line.slice(start - offset + written.length);
      const runs = readRuns(markedLines[i] ?? '', slots);
      if (plain(runs) === line) return cut(runs, start - offset, start - offset + written.length);
      const other = markedLines[i] ?? '';
      if (!other.startsWith(before) || !other.endsWith(after) || other.length < before.length + after.length)
        return undefined;
      return readRuns(other.slice(before.length, other.length - after.length), slots);
    }
    offset += line.length + 1;
  }
  return undefined;
}

/** Joins adjacent components of one segment, with the slashes between them, into one part. */
function join(runs: readonly Run[]): ReferenceTemplate {
  const parts: ReferenceTemplate = [];
  for (const [i, run] of runs.entries()) {
    const last = parts.at(-1);
    if (run.slot === undefined) {
      const next = runs[i + 1];
      const continues =
        run.literal === '/' && last?.kind === 'segment' && next?.slot === last.slot && next.component === last.to + 1;
      if (continues) continue;
      // The marker of an empty leaf includes a tag, which belongs to the leaf and not to the template.
      const isSuffix = last?.kind === 'segment' && last.slot.suffix !== '' && run.literal.startsWith(last.slot.suffix);
      const literal = isSuffix ? run.literal.slice(last.slot.suffix.length) : run.literal;
      if (literal !== '') parts.push({ kind: 'literal', text: literal });
      continue;
    }
    if (
      last?.kind === 'segment' &&
      last.slot === run.slot &&
      run.component === last.to + 1 &&
      runs[i - 1]?.slot === undefined
    ) {
      parts[parts.length - 1] = { ...last, to: run.component, text: `${last.text}/${run.text}` };
    } else {
      parts.push({ kind: 'segment', slot: run.slot, from: run.component, to: run.component, text: run.text });
    }
  }
  return parts;
}
