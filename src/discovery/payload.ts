import { isTooDeep } from '../base/depth.ts';
import { readYamlValues } from '../base/yaml-read.ts';

/** A text unpacked by one step: decoded, parsed, or split into its named and unnamed words. */
export type Payload =
  | { readonly kind: 'text'; readonly step: string; readonly text: string }
  | { readonly kind: 'trees'; readonly trees: readonly { readonly step: string; readonly value: unknown }[] }
  | { readonly kind: 'words'; readonly words: readonly Word[] };

/** A word of a text, with its name. */
interface Word {
  /** `line 3`, `line 3 word 2`; undefined if the text consists of only this word and its name. */
  readonly step?: string;
  readonly key?: string;
  readonly text: string;
  /** The name may be a coincidence, as in code and prose. */
  readonly weakKey: boolean;
}

const BASE64 = /^[A-Za-z0-9+/\s]{24,}={0,2}$/;
const MAPPING_LINE = /^[ \t]*(?:- +)?(?:[\w."'/$-][^\n\r\u2028\u2029#:]*|"[^"\n\r\u2028\u2029]*"):(?:\s|$)/m;

/** Unpacks a text by its format: base64, JSON, YAML, or lines of assignments, flags and words. */
export function unpack(text: string): Payload {
  const decoded = decodeBase64(text);
  if (decoded !== undefined) return { kind: 'text', step: 'base64', text: decoded };
  return parseJson(text) ?? parseYaml(text) ?? { kind: 'words', words: wordsIn(text) };
}

/** Decodes base64; undefined if the text is not base64 or does not contain text. */
function decodeBase64(text: string): string | undefined {
  if (!BASE64.test(text.trim())) return undefined;
  const compact = text.replace(/\s+/g, '');
  return compact.length % 4 === 0 ? decodedText(Buffer.from(compact, 'base64')) : undefined;
}

/** Decodes UTF-8 text without control characters; undefined for anything else. */
export function decodedText(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return isText(text) ? text : undefined;
}

/** Reports whether decoded bytes were text: no control characters and no invalid UTF-8. */
export function isText(decoded: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters distinguish binary data from text.
  return decoded !== '' && !/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(decoded);
}

function parseJson(text: string): Payload | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return trees([JSON.parse(text)], 'json');
  } catch {
    return undefined;
  }
}

function parseYaml(text: string): Payload | undefined {
  if (!text.includes('\n') || text.startsWith('#!') || !MAPPING_LINE.test(text)) return undefined;
  const values = readYamlValues(text);
  return values && trees(values, 'yaml');
}

function trees(values: readonly unknown[], format: string): Payload | undefined {
  if (!values.some((value) => typeof value === 'object' && value !== null)) return undefined;
  // Too deep: search its words instead, to avoid a stack overflow.
  if (values.some(isTooDeep)) return undefined;
  const isSingle = values.length === 1;
  return {
    kind: 'trees',
    trees: values.map((value, i) => ({ step: isSingle ? `${format}:` : `${format}[${i}]:`, value })),
  };
}

/** A string literal with escaped quotes. */
const LITERAL = /"(?:[^"\\\n]|\\.)*"/g;

/** Returns the JSON documents in string literals of code: `json.loads("{\"image\": …}")`. */
export function jsonInCode(text: string): { readonly step: string; readonly value: unknown }[] {
  if (!/"[[{][^"\\]*\\"/.test(text)) return [];
  return [...text.matchAll(LITERAL)].flatMap(({ 0: literal, index }) => {
    if (!/^"\s*[[{]/.test(literal)) return [];
    try {
      const value: unknown = JSON.parse(JSON.parse(literal) as string);
      const line = text.slice(0, index).split('\n').length;
      return isTooDeep(value) ? [] : [{ step: `line ${line} > json:`, value }];
    } catch {
      return [];
    }
  });
}

/** The padding of base64 is not an assignment. */
const PADDED_BASE64 = /^[A-Za-z0-9+/]{22,}={1,2}$/;
const ASSIGNMENT = /^(?:export\s+|-\s+)?["']?(-{0,2}[A-Za-z_0-9][\w./-]*)["']?(\s*(?::=|=>|=|:(?=\s|"|')))([\s\S]*)$/;
/** A word that is the name of the next one. */
const NAMING_WORD = /^-{1,2}[A-Za-z][\w.-]*$|^[\w.-]+[:=]$/;
/** `image: *"busybox:1" | string`: a field of the CUE language with its default value. */
const CUE_DEFAULT = /^(\s*[\w"]+:\s*)\*("[^"]*")\s*\|[\s\S]*/;
const SEPARATORS = /[\s"'`,;|()<>[\]\\]+/;

function wordsIn(text: string): Word[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => wordsOfLine(line, lines.length === 1 ? undefined : `line ${i + 1}`));
}

/** Returns a line of text without its comment. */
export function withoutComment(line: string): string {
  const start = line.search(/(?:^|\s)(?:#|\/\/)/);
  return start < 0 ? line : line.slice(0, start);
}

function wordsOfLine(line: string, step: string | undefined): Word[] {
  const content = withoutComment(line)
    .replace(/\$\{\w+:?-([^{}]*)\}/g, '$1')
    .replace(CUE_DEFAULT, '$1$2')
    .trim();
  if (content === '') return [];
  const [, key, operator = '', assigned = ''] = ASSIGNMENT.exec(content) ?? [];
  const assignedText = assigned.trimStart();
  const value = unquoted(assignedText);
  if (key === undefined || SEPARATORS.test(value) || PADDED_BASE64.test(content)) return wordsOfPhrase(content, step);
  // `a = b` without quotes is as often code as configuration.
  const weakKey = /^\s/.test(operator) && operator.trim() === '=' && !/^["']/.test(assignedText);
  return [{ step, key, text: value, weakKey }];
}

/** Removes the quotes at both ends, and the punctuation that ends the line. */
function unquoted(text: string): string {
  let end = text.length;
  while (end > 0 && ',;\\'.includes(text[end - 1] as string)) end -= 1;
  if (end > 0 && /["']/.test(text[end - 1] as string)) end -= 1;
  const start = /^["']/.test(text) ? 1 : 0;
  return text.slice(start, Math.max(start, end));
}

function wordsOfPhrase(phrase: string, step: string | undefined): Word[] {
  const tokens = phrase.split(SEPARATORS).filter((token) => token !== '');
  return tokens.map((token, i) => {
    const wordStep = tokens.length === 1 ? step : `${step === undefined ? '' : `${step} `}word ${i + 1}`;
    const [, key, value] = PADDED_BASE64.test(token) ? [] : (/^(-{0,2}\w[\w./-]*)=(.+)$/.exec(token) ?? []);
    if (key !== undefined && value !== undefined)
      return { step: wordStep, key, text: value, weakKey: !key.startsWith('-') };
    const previous = tokens[i - 1] ?? '';
    if (token.startsWith('-') || !NAMING_WORD.test(previous)) return { step: wordStep, text: token, weakKey: true };
    return { step: wordStep, key: previous.replace(/[:=]$/, ''), text: token, weakKey: !previous.startsWith('-') };
  });
}
