import { AirgapError } from './errors.ts';

/** Maximum nesting of lists and mappings in untrusted YAML or JSON. Real charts reach about 40; the stack takes thousands. */
export const DEPTH_LIMIT = 500;

/** Returns true if a value nests deeper than {@link DEPTH_LIMIT}. Iterative, so that any depth is safe. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_LIMIT) return true;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}

/**
 * Returns true if a JSON text nests deeper than {@link DEPTH_LIMIT}, without parsing it: a parser builds every level of
 * megabytes of brackets. Of a text that is not JSON, the answer means nothing.
 */
export function isJsonTooDeep(text: string): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) isInText = !isInText;
    else if (isInText) continue;
    else if (code === OPEN_LIST || code === OPEN_MAPPING) {
      depth += 1;
      if (depth > DEPTH_LIMIT) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_MAPPING) depth -= 1;
  }
  return false;
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_MAPPING, CLOSE_MAPPING] = [0x5b, 0x5d, 0x7b, 0x7d];

/** @throws AirgapError `chart-invalid` for a value that nests deeper than {@link DEPTH_LIMIT} */
export function checkDepth(value: unknown, what: string): void {
  if (!isTooDeep(value)) return;
  throw new AirgapError('chart-invalid', `${what} nest deeper than ${DEPTH_LIMIT} levels`, {
    hint: 'no chart needs that; check the values files and the chart',
  });
}
