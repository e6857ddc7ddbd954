import type { AirgapError } from '../base/errors.ts';
import { formatPath } from '../base/field-path.ts';
import type { LeafPath } from './leaves.ts';

/** A values leaf, or what is tried on it. */
interface AtLeaf {
  readonly path: LeafPath;
}

/**
 * Returns the leaves that the refusal of a values schema names. Most refusals (`fail` in a template) name none. Helm up
 * to 3.17 writes `- image: Additional property registry is not allowed` and `- image.tag: Does not match …`; later
 * versions write `- at '/image': additional properties 'registry' not allowed` and `- at '/image/tag': …`. Each is
 * below a line with the name of the chart that the schema belongs to.
 */
export function namedBy<T extends AtLeaf>({ message }: AirgapError, items: readonly T[]): T[] {
  const errors = /specifications of the schema/.test(message) ? schemaErrors(message) : [];
  return items.filter(({ path }) => errors.some((error) => isAbout(error, path)));
}

/**
 * Returns the leaves that a refusal of a template may be about: those of its subchart whose paths are in the message
 * (`image.sha forbidden`, `.Values.image.tag`), else all leaves of that subchart.
 */
export function suspectedBy<T extends AtLeaf>({ message }: AirgapError, items: readonly T[]): T[] {
  const prefix = subchartsIn(message);
  const subchartItems = items.filter(({ path }) => prefix.every((key, i) => path[i] === key));
  const words = new Set(message.match(/[\w-]+(?:\.[\w-]+)*/g)?.map((word) => word.replace(/^Values\./, '')));
  const quoted = subchartItems.filter(({ path }) => words.has(formatPath(path.slice(prefix.length))));
  if (quoted.length > 0) return quoted;
  return prefix.length > 0 ? subchartItems : [];
}

interface SchemaError {
  readonly chart: string;
  readonly keys: readonly string[];
  /** Keys that are not allowed below; empty if the error is about the value itself. */
  readonly extra: readonly string[];
}

function schemaErrors(message: string): SchemaError[] {
  const errors: SchemaError[] = [];
  let chart = '';
  for (const line of message.split('\n')) {
    const heading = /^\s*([\w.-]+):\s*$/.exec(line)?.[1];
    if (heading !== undefined) chart = heading;
    const [, pointer, dotted, detail = ''] = /^\s*-\s+(?:at '([^']*)'|([^:\s]+)):([\s\S]*)$/.exec(line) ?? [];
    const keys = pointer?.split('/').slice(1).map(unescaped) ?? (dotted === '(root)' ? [] : dotted?.split('.'));
    if (keys !== undefined) errors.push({ chart, keys, extra: extraKeys(detail.trimStart()) });
  }
  return errors;
}

function extraKeys(detail: string): string[] {
  const single = /^Additional property (\S+) is not allowed/.exec(detail)?.[1];
  if (single !== undefined) return [single];
  const several = /^additional properties (.*) not allowed/.exec(detail)?.[1] ?? '';
  return [...several.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? '');
}

/** Unescapes a key of a JSON pointer (RFC 6901). */
function unescaped(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isAbout({ chart, keys, extra }: SchemaError, path: LeafPath): boolean {
  // The schema of a subchart refers to the values of the subchart.
  const subchartStart = path.lastIndexOf(chart) + 1;
  return [0, subchartStart].some((start) => {
    const relativePath = path.slice(start).map(String);
    const matchesKeys = keys.every((key, i) => relativePath[i] === key);
    if (!matchesKeys) return false;
    return extra.length > 0 ? extra.includes(relativePath[keys.length] ?? '') : relativePath.length === keys.length;
  });
}

/** Returns the subcharts, outermost first, that contain the first template in a message. */
function subchartsIn(message: string): string[] {
  const end = message.indexOf('/templates/');
  let start = Math.max(0, end);
  while (start > 0 && /[\w./-]/.test(message[start - 1] as string)) start -= 1;
  const names = message.slice(start, Math.max(0, end)).split('/charts/');
  const root = names.findLastIndex((name, i) => i === 0 || name.includes('/'));
  return names.slice(root + 1);
}
