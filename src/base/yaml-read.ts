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
 * Options for untrusted YAML. Unique keys and pretty errors take quadratic time: 120 kB of errors took 9 s. A mapping as a
 * key is serialized for every mapping around it: 1 kB of `? ? ?` takes hours. Warnings would print the text to the terminal.
 */
const OPTIONS = { uniqueKeys: false, prettyErrors: false, stringKeys: true, logLevel: 'silent' } as const;

/** Maximum number of nodes that aliases expand to in one document. Handwritten YAML has a handful. */
const MAX_ALIASES = 1000;

/** Collections, tags and anchors that may begin in a row on one line. 30,000 keep the parser busy for minutes. */
const ROW_LIMIT = 200;

/**
 * Parses the first document of a text; further ones are an error with `logLevel: 'error'`. Errors, including exhausted
 * resources, are in `errors` of the document; nothing is thrown.
 */
export function readYamlDocument(text: string, options: Options = {}): Document.Parsed {
  return parseGuarded(text, () => parseDocument(text, { ...OPTIONS, ...options }));
}

/** Parses every document of a text, like {@link readYamlDocument}. */
export function readYamlDocuments(text: string, options: Options = {}): readonly Document.Parsed[] {
  const documents = parseGuarded(text, () => parseAllDocuments(text, { ...OPTIONS, ...options }));
  // An empty stream is an EmptyStream, not a list of documents.
  return 'contents' in documents ? [documents] : [...documents];
}

/**
 * Returns the values of all documents in a field or file of a chart.
 * @returns undefined if one is not YAML, has too many aliases, or nests too deep
 */
export function readYamlValues(text: string): readonly unknown[] | undefined {
  const documents = readYamlDocuments(text);
  if (documents.some(({ errors }) => errors.length > 0)) return undefined;
  try {
    const values = documents.map((document) => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
    return values.some(isTooDeep) ? undefined : values;
  } catch {
    return undefined;
  }
}

/**
 * Returns the value of the first document in a text.
 * @throws Error with the first error of the document
 */
export function readYaml(text: string, options: Options = {}): unknown {
  const document = readYamlDocument(text, options);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${error.message} at byte ${error.pos[0]}`);
  return document.toJS({ maxAliasCount: MAX_ALIASES });
}

function parseGuarded<T>(text: string, parse: () => T): T | Document.Parsed {
  const row = longRow(text);
  if (row !== undefined)
    return errorDocument(row, `more than ${ROW_LIMIT} collections, tags or anchors begin on one line`);
  // Capturing the stack of each of 100,000 errors would take most of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return parse();
  } catch (error) {
    // The parser is recursive and has no limit of its own.
    if (error instanceof RangeError) return errorDocument(0, 'the document nests too deep');
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function errorDocument(offset: number, message: string): Document.Parsed {
  const document = new Document(null) as unknown as Document.Parsed<ParsedNode>;
  document.errors.push(new YAMLParseError([offset, offset + 1], 'RESOURCE_EXHAUSTION', message));
  return document;
}

/** Returns the offset at which more than {@link ROW_LIMIT} collections, tags or anchors begin in a row. */
function longRow(text: string): number | undefined {
  if (!hasLongRow(text)) return undefined;
  let count = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type !== null && OPENING.has(type)) count += 1;
    else if (type !== 'space') count = 0;
    if (count > ROW_LIMIT) return offset;
    offset += token.length;
  }
  return undefined;
}

const OPENING: ReadonlySet<string> = new Set(['seq-item-ind', 'explicit-key-ind', 'map-value-ind', 'anchor', 'tag']);

/** Cheap test before the lexer runs: looks at words only, including those in scalars and comments. */
function hasLongRow(text: string): boolean {
  let count = 0;
  let from = 0;
  for (let offset = 0; offset <= text.length; offset += 1) {
    const code = offset < text.length ? text.charCodeAt(offset) : LINE_FEED;
    if (code !== SPACE && code !== TAB && code !== LINE_FEED) continue;
    if (offset > from) count = isIndicator(text, from, offset) ? count + 1 : 0;
    if (count > ROW_LIMIT) return true;
    if (code === LINE_FEED) count = 0;
    from = offset + 1;
  }
  return false;
}

const [TAB, LINE_FEED, SPACE] = [0x09, 0x0a, 0x20];

/** Returns true if a word is a block indicator (`-`, `?`, `:`), a tag or an anchor. */
function isIndicator(text: string, from: number, to: number): boolean {
  const first = text[from];
  return first === '&' || first === '!' || (to === from + 1 && (first === '-' || first === '?' || first === ':'));
}
