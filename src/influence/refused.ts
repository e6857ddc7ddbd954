import type { AirgapError } from '../base/errors.ts';
import { formatPath, type LeafPath } from './leaves.ts';

/**
 * Whether a values schema names this leaf in its refusal. Most refusals (a template's `fail`) name none.
 * Helm up to 3.17 writes `- image: Additional property registry is not allowed` and `- image.tag: Does not match …`,
 * later ones `- at '/image': additional properties 'registry' not allowed` and `- at '/image/tag': …`, each under a line
 * with the name of the chart whose schema it is.
 */
export function namedInRefusal({ message }: AirgapError): (path: LeafPath) => boolean {
  const complaints = /specifications of the schema/.test(message) ? complaintsOf(message) : [];
  return (path) => complaints.some((complaint) => isMeant(complaint, path));
}

/**
 * Which leaves a template's refusal may be about: those of its subchart whose paths its message has (`image.sha forbidden`,
 * `.Values.image.tag`), else all of that subchart.
 */
export function suspectedBy<T extends { readonly path: LeafPath }>({ message }: AirgapError, items: readonly T[]): T[] {
  const prefix = subchartsIn(message);
  const own = items.filter(({ path }) => prefix.every((key, i) => path[i] === key));
  const words = new Set(message.match(/[\w-]+(?:\.[\w-]+)*/g)?.map((word) => word.replace(/^Values\./, '')));
  const quoted = own.filter(({ path }) => words.has(formatPath(path.slice(prefix.length))));
  if (quoted.length > 0) return quoted;
  return prefix.length > 0 ? own : [];
}

interface Complaint {
  readonly chart: string;
  readonly keys: readonly string[];
  /** Keys below that must not be there; empty when the complaint is about what stands there. */
  readonly extra: readonly string[];
}

function complaintsOf(message: string): Complaint[] {
  const complaints: Complaint[] = [];
  let chart = '';
  for (const line of message.split('\n')) {
    const heading = /^\s*([\w.-]+):\s*$/.exec(line)?.[1];
    if (heading !== undefined) chart = heading;
    const [, pointer, dotted, said = ''] = /^\s*-\s+(?:at '([^']*)'|([^:\s]+)):([\s\S]*)$/.exec(line) ?? [];
    const keys = pointer?.split('/').slice(1).map(unescaped) ?? (dotted === '(root)' ? [] : dotted?.split('.'));
    if (keys !== undefined) complaints.push({ chart, keys, extra: extraKeys(said.trimStart()) });
  }
  return complaints;
}

function extraKeys(said: string): string[] {
  const one = /^Additional property (\S+) is not allowed/.exec(said)?.[1];
  if (one !== undefined) return [one];
  const several = /^additional properties (.*) not allowed/.exec(said)?.[1] ?? '';
  return [...several.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? '');
}

/** RFC 6901. */
function unescaped(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isMeant({ chart, keys, extra }: Complaint, path: LeafPath): boolean {
  // A subchart's schema speaks of the subchart's values.
  const below = path.lastIndexOf(chart) + 1;
  return [0, below].some((start) => {
    const own = path.slice(start).map(String);
    const isAt = keys.every((key, i) => own[i] === key);
    if (!isAt) return false;
    return extra.length > 0 ? extra.includes(own[keys.length] ?? '') : own.length === keys.length;
  });
}

/** The subcharts, outermost first, on the way to the template that a message names first. */
function subchartsIn(message: string): string[] {
  const end = message.indexOf('/templates/');
  let start = Math.max(0, end);
  while (start > 0 && /[\w./-]/.test(message[start - 1] as string)) start -= 1;
  const names = message.slice(start, Math.max(0, end)).split('/charts/');
  const root = names.findLastIndex((name, i) => i === 0 || name.includes('/'));
  return names.slice(root + 1);
}
