import { childPath, type FieldPath, nestedPath } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import { readWithSecondParser } from '../helm/second-parser.ts';

/** A string of an object: a value, or the key of a mapping. */
export interface TextAt {
  readonly text: string;
  readonly fieldPath: FieldPath;
  /** Keys from the root, without positions in lists; last the name that the string has: its key, variable or flag. */
  readonly keys: readonly string[];
  /** Kind of the innermost object that has it. */
  readonly kind: string;
}

/** Lists every string of an object, keys of mappings included, in the order of its fields. */
export function* textsOf(value: unknown, at: Omit<TextAt, 'text'>): Generator<TextAt> {
  const { fieldPath, keys } = at;
  if (typeof value === 'string') yield { text: value, ...at };
  else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const flag: unknown = value[i - 1];
      const isNamed = typeof item === 'string' && typeof flag === 'string' && /^-{1,2}[A-Za-z][\w.-]*$/.test(flag);
      yield* textsOf(item, { ...at, fieldPath: childPath(fieldPath, i), keys: isNamed ? [...keys, flag] : keys });
    }
  } else if (isMapping(value)) {
    const isObject = typeof value.kind === 'string' && typeof value.apiVersion === 'string';
    const kind = isObject ? String(value.kind) : at.kind;
    for (const [key, item] of Object.entries(value)) {
      const path = childPath(fieldPath, key);
      yield { text: key, fieldPath: path, keys: isObject ? [] : keys, kind };
      const names = key === 'value' && typeof value.name === 'string' ? [key, value.name] : [key];
      yield* textsOf(item, { fieldPath: path, keys: [...(isObject ? [] : keys), ...names], kind });
    }
  }
}

const BASE64 = /[A-Za-z0-9+/]{8,}={0,2}/g;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\/))|%([0-9a-fA-F]{2})/g;
/** Encodings within encodings that are followed. */
const MAX_DEPTH = 4;

/** Lists a text as programs read it: with the escapes of JSON and URLs resolved; and each base64 in it, decoded. */
export function* readings(at: TextAt, depth = 0): Generator<TextAt> {
  const text = /[\\%]/.test(at.text) ? unescaped(at.text) : at.text;
  yield { ...at, text };
  if (depth === MAX_DEPTH) return;
  for (const { 0: encoded, index } of text.matchAll(BASE64)) {
    const decoded = Buffer.from(encoded, 'base64').toString('utf8');
    if (!isReadable(decoded)) continue;
    const line = text.slice(0, index).split('\n').length;
    const step = encoded === text.trim() ? 'base64' : `line ${line} > base64`;
    yield* readings({ ...at, text: decoded, fieldPath: nestedPath(at.fieldPath, step) }, depth + 1);
  }
}

/** Reports whether a text contains a name, as it is or encoded. */
export function readsAs(text: string, name: string): boolean {
  for (const reading of readings({ text, fieldPath: { path: '' }, keys: [], kind: '' }))
    if (reading.text.includes(name)) return true;
  return false;
}

function unescaped(text: string): string {
  return text.replace(ESCAPE, (_, unicode?: string, hex?: string, slash?: string, percent?: string) => {
    const code = unicode ?? hex ?? percent ?? '';
    return slash ?? String.fromCharCode(Number.parseInt(code, 16));
  });
}

/** Reports whether decoded bytes are text. */
function isReadable(decoded: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters distinguish binary data from text.
  return !/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(decoded);
}

const ENTRY = /^[ \t]*(?:- +)?["']?[\w./-]+["']?:(?:\s|$)/m;

/** Lists the strings of the documents in a text that is YAML or JSON itself; nothing for other texts. */
export function* embeddedTexts({ text, fieldPath, keys, kind }: TextAt): Generator<TextAt> {
  if (!/^\s*[[{]/.test(text) && !(text.includes('\n') && ENTRY.test(text))) return;
  const documents = text.split(/^---(?:[ \t].*)?$/m).filter((document) => document.trim() !== '');
  for (const [i, document] of documents.entries()) {
    const value = tryRead(document);
    if (typeof value !== 'object' || value === null) return;
    const step = documents.length === 1 ? 'yaml:' : `yaml[${i}]:`;
    yield* textsOf(value, { fieldPath: nestedPath(fieldPath, step), keys, kind });
  }
}

function tryRead(text: string): unknown {
  try {
    return readWithSecondParser(text);
  } catch {
    return undefined;
  }
}
