import {
  Document,
  type DocumentOptions,
  type ParseOptions,
  parseAllDocuments,
  parseDocument,
  type SchemaOptions,
  YAMLParseError,
} from 'yaml';

/** Without those that decide what a hostile text costs. */
export type ReadingOptions = Omit<ParseOptions, 'prettyErrors' | 'stringKeys'> & DocumentOptions & SchemaOptions;

/**
 * Warnings of the package would go to the terminal, with the text that they are about. Mappings as keys of mappings take
 * it hours for some kilobytes (`? ? ? …`), and nothing here has them.
 */
const SAFE = { logLevel: 'error', prettyErrors: false, stringKeys: true } as const;

/**
 * The documents of a foreign text, with their errors. The yaml package reads the text again for each error, to quote the
 * line, and throws where its parser has no room: here an error costs nothing, and what has no room is an error like others.
 */
export function yamlDocuments(text: string, options: ReadingOptions = {}): Document.Parsed[] {
  try {
    return [...parseAllDocuments(text, { ...SAFE, ...options })];
  } catch (error) {
    return [withoutRoom(error)];
  }
}

/** The one document of a foreign text, as {@link yamlDocuments} reads it; a second one is an error unless `logLevel` is silent. */
export function yamlDocument(text: string, options: ReadingOptions = {}): Document.Parsed {
  try {
    return parseDocument(text, { ...SAFE, ...options });
  } catch (error) {
    return withoutRoom(error);
  }
}

/** The value of the one document of a foreign text. @throws Error with line and column of the first thing that is wrong */
export function yamlValue(text: string, options: ReadingOptions = {}): unknown {
  const document = yamlDocument(text, options);
  const [first] = document.errors;
  if (first === undefined) return document.toJS() as unknown;
  throw new Error(yamlProblem(text, first));
}

/** What is wrong with a text, with line and column. */
export function yamlProblem(text: string, { message, pos: [offset] }: YAMLParseError): string {
  const before = text.slice(0, offset);
  return `${message} at line ${before.split('\n').length}, column ${offset - before.lastIndexOf('\n')}`;
}

function withoutRoom(error: unknown): Document.Parsed {
  if (!(error instanceof RangeError)) throw error;
  const document = new Document() as Document.Parsed;
  document.errors.push(new YAMLParseError([0, 0], 'RESOURCE_EXHAUSTION', 'it nests too deep'));
  return document;
}
