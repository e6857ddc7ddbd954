import type { Values } from '../helm/render.ts';
import { type LeafPath, leavesOf } from '../influence/leaves.ts';
import { slotsOf } from '../influence/slots.ts';
import type { SetKey } from '../lock/given.ts';

/**
 * The flag and key of the command line by which a value is set that may build a reference. Helm puts `--set` and its like
 * over every values file, so no override in a file moves what such a value builds.
 * @param values coalesced, without overrides
 */
export function setBy(written: string, values: Values, keys: readonly SetKey[]): SetKey | undefined {
  if (keys.length === 0) return undefined;
  const building = leavesOf(values).filter((leaf) => slotsOf(leaf, [written]).length > 0);
  return keys.find(({ key }) => {
    const set = pathOf(key);
    return set.length > 0 && building.some(({ path }) => startsWith(path, set));
  });
}

/** `image.repository`, `list[0].name`, `a\.b.c`, as Helm reads it. */
function pathOf(key: string): LeafPath {
  return [...key.matchAll(/\[(\d+)\]|((?:\\.|[^\\.[\]])+)/gs)].map(([, index, name = '']) =>
    index === undefined ? name.replace(/\\(.)/gs, '$1') : Number(index),
  );
}

function startsWith(path: LeafPath, front: LeafPath): boolean {
  return front.every((key, i) => path[i] === key);
}
