import type { Render } from '../helm/render.ts';
import { formatPath, type Leaf, leavesOf } from '../influence/leaves.ts';
import { buildsNothingElse, compositionsOf, type Probe, probe, type RenderWith } from '../influence/probe.ts';
import { type Slot, slotPath, wordSlot } from '../influence/slots.ts';
import type { Place } from '../lock/finding.ts';

/**
 * Finds leaves that are single words under unrelated keys (`{name: nginx}`) and build only these locations. Such a word
 * is often a label as well, so they are probed only for locations that nothing else moves.
 */
export async function neutralWords(
  base: Render,
  probed: Probe,
  left: readonly Place[],
  render: RenderWith,
  isOpen: (leaf: Leaf) => boolean,
): Promise<Slot[]> {
  const known = new Set(probed.slots.map(slotPath));
  const written = left.map((place) => place.written);
  const words = leavesOf(base.values).flatMap((leaf) => {
    const slot = isOpen(leaf) && !known.has(formatPath(leaf.path)) ? wordSlot(leaf, written) : undefined;
    return slot === undefined ? [] : [slot];
  });
  if (words.length === 0) return [];
  const wider = await probe(base, [...probed.slots, ...words], render);
  const compositions = compositionsOf(left, base, wider);
  return words.filter((slot) => buildsNothingElse(slot, wider, compositions));
}
