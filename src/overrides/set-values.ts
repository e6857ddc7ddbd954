import type { Values } from '../helm/render.ts';
import { type LeafPath, leavesOf } from '../influence/leaves.ts';
import { slotsOf } from '../influence/slots.ts';
import type { SetKey } from '../lock/given.ts';

/**
 * Finds the command-line key that sets a value which may build a reference. Flags such as `--set` take precedence over
 * all values files, so an overrides file cannot change such a reference.
 * @param values coalesced values without overrides
 */
export function setBy(written: string, values: Values, keys: readonly SetKey[]): SetKey | undefined {
  if (keys.length === 0) return undefined;
  const building = leavesOf(values).filter((leaf) => slotsOf(leaf, [written]).length > 0);
  return keys.find(({ key }) => {
    const set = pathOf(key);
    return set.length > 0 && building.some(({ path }) => startsWith(path, set));
  });
}

/** Parses a key in Helm's notation: `image.repository`, `list[0].name`, `a\.b.c`. */
function pathOf(key: string): LeafPath {
  return [...key.matchAll(/\[(\d+)\]|((?:\\.|[^\\.[\]])+)/gs)].map(([, index, name = '']) =>
    index === undefined ? name.replace(/\\(.)/gs, '$1') : Number(index),
  );
}

function startsWith(path: LeafPath, front: LeafPath): boolean {
  return front.every((key, i) => path[i] === key);
}
