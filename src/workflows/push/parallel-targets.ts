import type { Emit } from '../../base/events.ts';
import type { Source } from '../../oci/content.ts';
import { type SharedReader, SharedSource } from '../../transfer/shared-source.ts';

/** Returns a shared reader for each target; none for a single target. */
export function readersFor(source: Source, targets: number): readonly SharedReader[] {
  if (targets < 2) return [];
  const shared = new SharedSource(source);
  return Array.from({ length: targets }, () => shared.reader());
}

/** Returns an emitter for each of several concurrent runs, which adds up their plans. */
export function emitsFor(emit: Emit, runs: number): readonly Emit[] {
  const plans = Array.from({ length: runs }, () => ({ blobs: 0, bytes: 0 }));
  return plans.map((_, index) => (event) => {
    if (event.type !== 'plan') return emit(event);
    plans[index] = event;
    const sum = (field: 'blobs' | 'bytes'): number => plans.reduce((all, plan) => all + plan[field], 0);
    emit({ type: 'plan', blobs: sum('blobs'), bytes: sum('bytes') });
  });
}
