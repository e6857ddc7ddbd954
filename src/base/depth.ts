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

/** @throws AirgapError `chart-invalid` for a value that nests deeper than {@link DEPTH_LIMIT} */
export function checkDepth(value: unknown, what: string): void {
  if (!isTooDeep(value)) return;
  throw new AirgapError('chart-invalid', `${what} nest deeper than ${DEPTH_LIMIT} levels`, {
    hint: 'no chart needs that; check the values files and the chart',
  });
}
