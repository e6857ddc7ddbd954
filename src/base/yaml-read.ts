import {
  CST,
  Document,
  type DocumentOptions,
  Lexer,
  type ParsedNode,
  type ParseOptions,
  parseAllDocuments,
  parseDocument,
  type SchemaOptions,
  YAMLParseError,
} from 'yaml';
import { isTooDeep } from './depth.ts';

type Options = ParseOptions & DocumentOptions & SchemaOptions;

/**
 * How YAML from outside is parsed. Comparing each key with all others, and printing the line of each error, takes time
 * with the square of the text: 120 kB of errors took 9 s. Warnings would go to the terminal, with the text in them.
 */
const OPTIONS = { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;

/** Nodes that aliases stand for in one document. Those who write YAML by hand have a handful. */
const ALIASES = 1000;

/** Collections, tags and anchors that may begin in a row on one line. 30,000 of them keep the parser busy for minutes. */
const ROW_LIMIT = 200;

/**
 * Parses the first document of a text; others are an error with `logLevel: 'error'`. Whatever is wrong is in its `errors`,
 * also what the parser has no room for; nothing is thrown.
 */
export function readYamlDocument(text: string, options: Options = {}): Document.Parsed {
  return guarded(text, () => parseDocument(text, { ...OPTIONS, ...options }));
}

/** Parses every document of a text, in the way of {@link readYamlDocument}. */
export function readYamlDocuments(text: string, options: Options = {}): readonly Document.Parsed[] {
  const documents = guarded(text, () => parseAllDocuments(text, { ...OPTIONS, ...options }));
  // A stream without any document is an object of its own.
  return 'contents' in documents ? [documents] : [...documents];
}

/**
 * The values of every document in a text that a field or a file of a chart holds.
 * @returns undefined where one is no YAML, has too many aliases, or nests too deep to be walked
 */
export function readYamlValues(text: string): readonly unknown[] | undefined {
  const documents = readYamlDocuments(text, { stringKeys: true });
  if (documents.some(({ errors }) => errors.length > 0)) return undefined;
  try {
    const values = documents.map((document) => document.toJS({ maxAliasCount: ALIASES }) as unknown);
    return values.some(isTooDeep) ? undefined : values;
  } catch {
    return undefined;
  }
}

/**
 * The value of the first document in a text.
 * @throws Error the first thing that is wrong, in words
 */
export function readYaml(text: string, options: Options = {}): unknown {
  const document = readYamlDocument(text, options);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${error.message} at byte ${error.pos[0]}`);
  return document.toJS({ maxAliasCount: ALIASES });
}

function guarded<T>(text: string, parse: () => T): T | Document.Parsed {
  const row = longRow(text);
  if (row !== undefined) return refused(row, `more than ${ROW_LIMIT} collections, tags or anchors begin on one line`);
  // Each of a hundred thousand errors would keep the stack of its making, which takes most of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return parse();
  } catch (error) {
    // The parser calls itself for each level, and has no limit of its own.
    if (error instanceof RangeError) return refused(0, 'it nests too deep');
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function refused(at: number, message: string): Document.Parsed {
  const document = new Document(null) as unknown as Document.Parsed<ParsedNode>;
  document.errors.push(new YAMLParseError([at, at + 1], 'RESOURCE_EXHAUSTION', message));
  return document;
}

/** Offset at which too many collections, tags or anchors begin in a row. Most texts have no row that even looks like it. */
function longRow(text: string): number | undefined {
  if (!hasLongRow(text)) return undefined;
  let count = 0;
  let at = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type !== null && OPENING.has(type)) count += 1;
    else if (type !== 'space') count = 0;
    if (count > ROW_LIMIT) return at;
    at += token.length;
  }
  return undefined;
}

const OPENING: ReadonlySet<string> = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind', 'anchor', 'tag']);

/** Whether so many words in a row look as if something began with each, in texts and comments too. */
function hasLongRow(text: string): boolean {
  let count = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const code = at < text.length ? text.charCodeAt(at) : LINE_FEED;
    if (code !== SPACE && code !== TAB && code !== LINE_FEED) continue;
    if (at > from) count = opens(text, from, at) ? count + 1 : 0;
    if (count > ROW_LIMIT) return true;
    if (code === LINE_FEED) count = 0;
    from = at + 1;
  }
  return false;
}

const [TAB, LINE_FEED, SPACE] = [0x09, 0x0a, 0x20];

/** Whether a word is an indicator of a block collection (`-`, `?`, `:`), a tag or an anchor. */
function opens(text: string, from: number, to: number): boolean {
  const first = text[from];
  return first === '&' || first === '!' || (to === from + 1 && (first === '-' || first === '?' || first === ':'));
}
