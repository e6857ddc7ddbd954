import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, LineCounter } from 'yaml';
import type * as z from 'zod';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';

/** Format of a YAML file that people write or review. */
export interface DocumentFormat<S extends z.ZodType> {
  readonly schema: S;
  /** Flag that names the file, for the hint. */
  readonly flag: string;
  /** Hint for an invalid file. */
  readonly hint: string;
  /** Changes the document before validation; reports problems with their offset. */
  readonly prepare?: (document: Document, report: (offset: number, message: string) => void) => void;
}

/**
 * Reads and validates a YAML file.
 * @throws AirgapError `config` with file, line and column of each problem
 */
export async function readDocument<S extends z.ZodType>(path: string, format: DocumentFormat<S>): Promise<z.output<S>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('config', `${path} cannot be read: ${reasonOf(cause)}`, {
      hint: `check the path given with ${format.flag}`,
      cause,
    });
  });
  return parseDocument(text, path, format);
}

/**
 * Validates the text of a YAML file.
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function parseDocument<S extends z.ZodType>(
  text: string,
  path: string,
  { schema, hint, prepare }: DocumentFormat<S>,
): z.output<S> {
  const lines = new LineCounter();
  const document = readYamlDocument(text, { lineCounter: lines, uniqueKeys: true, logLevel: 'error' });
  const problems: string[] = [];
  const report = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push(`${path}:${line}:${col}: ${message}`);
  };
  for (const { pos, message } of document.errors) report(pos[0], message);
  if (problems.length === 0) prepare?.(document, report);
  const value = problems.length === 0 ? toPlainValue(document, report) : undefined;
  if (problems.length === 0) {
    const result = schema.safeParse(value ?? {});
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const keys = issue.path.filter((key): key is string | number => typeof key !== 'symbol');
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
      for (const key of unknown) report(fieldOffset(document, [...keys, key]), `unknown key "${key}"`);
      if (unknown.length === 0) report(fieldOffset(document, keys), `${keys.join('.') || 'file'}: ${issue.message}`);
    }
  }
  throw new AirgapError('config', problems.join('\n'), { hint });
}

/** Resolves aliases; reports unresolved and excessive ones as problems of the file. */
function toPlainValue(document: Document, report: (offset: number, message: string) => void): unknown {
  try {
    return document.toJS();
  } catch (error) {
    report(0, messageOf(error));
    return undefined;
  }
}

/** Returns the offset of a field: that of its key, else that of the nearest existing parent. */
function fieldOffset(document: Document, path: readonly (string | number)[]): number {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  if (isMap(parent)) {
    const key = parent.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1))?.key;
    if (isScalar(key) && key.range) return key.range[0];
  }
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
