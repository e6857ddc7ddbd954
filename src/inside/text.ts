import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { Candidate, InsidePlace } from './candidate.ts';
import { isMovingTag, type WholeName, wholeName } from './names.ts';

/** A name in a text file. */
export interface TextName extends WholeName {
  readonly written: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Characters of a line that are looked at; generated files have whole documents on one. */
const LONGEST_LINE = 64 * 1024;
/** Lines of a description above a name. */
const LONGEST_PROSE = 200;
/** A value without spaces: of a field of YAML or JSON or a flag, with its name, or of a list. */
const VALUE =
  /(?:(?:"([\w./-]{1,80})"|([\w./-]{1,80}))\s{0,4}[:=]\s{0,8}|(?:^|\s)-\s{1,4}|[[,]\s{0,8})["']?([A-Za-z0-9][\w./:@-]{3,300}\w)(?=["',\]}\s]|$)/g;
const IMAGE_KEY = /image(?!pull)/i;
const COMMENT = /^\s*(?:#|\/\/)/;
/** Fields of schemas and descriptions: they tell, and set nothing. */
const TELLS = /^(?:description|example|examples|title|pattern|summary|comment)$/;

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
    const start = text.lastIndexOf('\n', index) + 1;
    const newline = text.indexOf('\n', index);
    end = newline < 0 ? text.length : newline;
    const content = text.slice(start, Math.min(end, start + LONGEST_LINE));
    if (COMMENT.test(content)) continue;
    const found = namesInLine(content);
    if (found.length === 0 || isTold(text, start, content.search(/\S/))) continue;
    for (; counted < start; counted = text.indexOf('\n', counted) + 1) line++;
    names.push(...found.map((name) => ({ ...name, line })));
  }
  return names;
}

/** Whether the line at an offset goes on with a description: the nearest line above that is indented less begins one. */
function isTold(text: string, start: number, indent: number): boolean {
  let at = start;
  for (let i = 0; i < LONGEST_PROSE && at > 0; i++) {
    const above = text.lastIndexOf('\n', at - 2) + 1;
    const content = text.slice(above, at);
    const left = content.search(/\S/);
    if (left >= 0 && left < indent) return TELLS.test(/^\s*(?:- )?"?([\w-]+)"?:/.exec(content)?.[1] ?? '');
    at = above;
  }
  return false;
}

function namesInLine(content: string): Omit<TextName, 'line'>[] {
  const found: Omit<TextName, 'line'>[] = [];
  for (const [, quoted, plain, value = ''] of content.matchAll(VALUE)) {
    const key = quoted ?? plain ?? '';
    if (TELLS.test(key)) continue;
    const written = detached(value);
    const isField = IMAGE_KEY.test(key);
    const name = wholeName(written) ?? (isField ? shortName(written) : undefined);
    // Without a field that says so, only a registry is enough.
    if (name !== undefined && (isField || name.host === 'registry')) found.push({ ...name, written });
  }
  return found;
}

/** A copy: a part of a text would keep all of it in memory. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}

/** What only a field of that name makes an image: `busybox:stable`. */
function shortName(written: string): WholeName | undefined {
  if (!/^[a-z0-9][\w./-]*:[\w][\w.-]*$/.test(written) || /^\w+:\d{2,5}$/.test(written)) return undefined;
  const parsed = tryParseReference(written);
  return parsed === undefined || wholeName(formatReference(parsed)) === undefined
    ? undefined
    : { parsed, host: 'none' };
}

/** The names in a text, as candidates: `medium`, but those whose tag will be another image tomorrow. */
export function namesInFile(text: string, place: InsidePlace, evidence = 'a text file'): Candidate[] {
  return namesInText(text).map(({ parsed, written, line }) => ({
    ...place,
    line,
    written,
    reference: formatReference(parsed),
    kind: 'text',
    confidence: isMovingTag(parsed) ? 'low' : 'medium',
    evidence,
  }));
}

/**
 * The newest among siblings whose names are versions: an operator brings the manifests of older releases along, and
 * installs the newest unless told. Folders, and files that differ in a version only.
 * @returns the paths that lie in no older sibling
 */
export function newestOf(paths: readonly string[]): Set<string> {
  const newest = new Map<string, readonly number[]>();
  const placesOf = (path: string): { family: string; version: readonly number[] }[] => {
    const components = path.split('/');
    return components.flatMap((component, i) => {
      const match = /^(.*?)v?(\d+(?:\.\d+)+)(?=$|[^\d.]|\.\D)(.*)$/.exec(component) ?? /^()v?(\d+)()$/.exec(component);
      if (match === null) return [];
      const isFile = i === components.length - 1;
      const family = [...components.slice(0, i), `${match[1]}*${match[3]}`].join('/') + (isFile ? '' : '/');
      return [{ family, version: (match[2] ?? '').split('.').map(Number) }];
    });
  };
  for (const path of paths) {
    for (const { family, version } of placesOf(path)) {
      const best = newest.get(family);
      if (best === undefined || compare(version, best) > 0) newest.set(family, version);
    }
  }
  return new Set(
    paths.filter((path) =>
      placesOf(path).every(({ family, version }) => compare(version, newest.get(family) ?? []) >= 0),
    ),
  );
}

/** Version numbers, the newer one greater. */
export function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
