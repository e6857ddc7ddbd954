import type { Values } from '../helm/render.ts';
import type { SetKey } from '../inventory/values-origin.ts';
import { type LeafPath, leavesOf } from '../value-tracing/leaves.ts';
import { segmentsOf } from '../value-tracing/name-segments.ts';

/**
 * Finds the command-line key that sets a value which may build a reference. Flags such as `--set` take precedence over
 * all values files, so an overrides file cannot change such a reference.
 * @param values coalesced values without overrides
 */
export function findSetKey(written: string, values: Values, keys: readonly SetKey[]): SetKey | undefined {
  if (keys.length === 0) return undefined;
  const building = leavesOf(values).filter((leaf) => segmentsOf(leaf, [written]).length > 0);
  return keys.find(({ key }) => {
    const setPath = parseSetKey(key);
    return setPath.length > 0 && building.some(({ path }) => isPathPrefix(path, setPath));
  });
}

/** Parses a key in Helm's notation: `image.repository`, `list[0].name`, `a\.b.c`. */
function parseSetKey(key: string): LeafPath {
  return [...key.matchAll(/\[(\d+)\]|((?:\\.|[^\\.[\]])+)/gs)].map(([, index, name = '']) =>
    index === undefined ? name.replace(/\\(.)/gs, '$1') : Number(index),
  );
}

function isPathPrefix(path: LeafPath, prefix: LeafPath): boolean {
  return prefix.every((key, i) => path[i] === key);
}
