import { AirgapError } from './errors.ts';

/** Levels of lists and mappings in foreign YAML or JSON. Real charts have at most some forty; a stack has room for thousands. */
export const DEPTH_LIMIT = 500;

/** Whether a value nests deeper than {@link DEPTH_LIMIT}. Needs no stack, so that the value may be of any depth. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_LIMIT) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}

/** @throws AirgapError `chart-invalid` for a value that is nested too deep to be walked */
export function checkDepth(value: unknown, what: string): void {
  if (!isTooDeep(value)) return;
  throw new AirgapError('chart-invalid', `${what} nest deeper than ${DEPTH_LIMIT} levels`, {
    hint: 'no chart needs that; check the values files and the chart',
  });
}
