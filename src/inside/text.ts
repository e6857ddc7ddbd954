import { formatReference } from '../oci/reference.ts';
import type { Candidate, InsidePlace } from './candidate.ts';
import { isMovingTag, looseName, type WholeName, wholeName } from './names.ts';
import { detached, isTold, TELLS } from './prose.ts';
import { splitNames } from './split-names.ts';

/** A name in a text file. */
export interface TextName extends WholeName {
  readonly written: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Names in one text; real ones have some hundred. */
const MOST = 5000;
/** Characters of a line that are looked at; generated files have whole documents on one. */
const LONGEST_LINE = 64 * 1024;
/** A value without spaces: of a field of YAML or JSON or a flag, with its name, or of a list. */
const VALUE =
  /(?:(?:"([\w./-]{1,80})"|([\w./-]{1,80}))\s{0,4}[:=]\s{0,8}|(?:^|\s)-\s{1,4}|[[,]\s{0,8})["']?([A-Za-z0-9][\w./:@-]{3,300}\w)(?=["',\]}\s]|$)/g;
const IMAGE_KEY = /image(?!pull)/i;
const COMMENT = /^\s*(?:#|\/\/)/;

/**
 * Names in YAML, JSON and settings: values of fields that say image, and whole values that name a registry and a
 * version by themselves. Comments, descriptions, and what a line says beside a value are left out.
 */
export function namesInText(text: string): TextName[] {
  const names: TextName[] = [];
  let line = 1;
  let counted = 0;
  let end = -1;
  // A tag or a digest comes right behind its colon; hardly another line of YAML has that.
  for (const { index } of text.matchAll(/:\w/g)) {
    if (index < end) continue;
    if (names.length >= MOST) break;
    const start = text.lastIndexOf('\n', index) + 1;
    const newline = text.indexOf('\n', index);
    end = newline < 0 ? text.length : newline;
    const content = text.slice(start, Math.min(end, start + LONGEST_LINE));
    // A name has a registry or a field that says image; nearly every line has neither, and its values are dear to find.
    if (!(content.includes('/') || IMAGE_KEY.test(content)) || COMMENT.test(content)) continue;
    const found = namesInLine(content);
    if (found.length === 0 || isTold(text, start, content.search(/\S/))) continue;
    for (; counted < start; counted = text.indexOf('\n', counted) + 1) line++;
    names.push(...found.map((name) => ({ ...name, line })));
  }
  return names;
}

function namesInLine(content: string): Omit<TextName, 'line'>[] {
  const found: Omit<TextName, 'line'>[] = [];
  for (const [, quoted, plain, value = ''] of content.matchAll(VALUE)) {
    const key = quoted ?? plain ?? '';
    if (TELLS.test(key)) continue;
    const written = detached(value);
    const isField = IMAGE_KEY.test(key);
    const name = wholeName(written) ?? (isField ? looseName(written) : undefined);
    // Without a field that says so, only a registry is enough.
    if (name !== undefined && (isField || name.host === 'registry')) found.push({ ...name, written });
  }
  return found;
}

/** The names in a text, as candidates: `medium`, but those whose tag will be another image tomorrow. */
export function namesInFile(text: string, place: InsidePlace, evidence = 'a text file'): Candidate[] {
  return [...namesInText(text), ...splitNames(text)].map(({ parsed, written, line }) => ({
    ...place,
    line,
    written,
    reference: formatReference(parsed),
    kind: 'text',
    confidence: isMovingTag(parsed) ? 'low' : 'medium',
    evidence,
  }));
}
