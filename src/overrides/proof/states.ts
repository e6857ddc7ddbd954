import { compareText } from '../../base/text-order.ts';
import { type Proof, pointOf, type ReferencePoint } from './proof.ts';
import type { Relocation } from './relocation.ts';

/**
 * Adds to a finished proof what stays public on purpose, and which images do not exist. Values may redirect these, but they
 * do not count as private.
 */
export function withStates(proof: Proof, { variants, decisions }: Relocation): Proof {
  const references = variants.flatMap(({ staying }) =>
    staying.map(({ reason, ...located }) => ({ state: 'public-on-purpose' as const, ...pointOf(located), reason })),
  );
  const allowed = [...(proof.allowed ?? []), ...references];
  const unmapped = new Set(proof.residue.map(({ reference }) => reference));
  const missing = variants
    .flatMap(({ references, operands }) => [...references, ...operands])
    .flatMap((located) => {
      const { why, allowed: accepted } = decisions?.missing(located.reference) ?? {};
      if (why === undefined || unmapped.has(located.reference)) return [];
      return [{ state: 'missing' as const, ...pointOf(located), why, ...(accepted && { allowed: accepted }) }];
    });
  const names = new Set(missing.map(({ reference }) => reference));
  const notKnown = [...variants[0].notKnown, ...(proof.notKnown ?? [])];
  return {
    ...proof,
    rewritten: proof.skipped ? proof.rewritten : proof.rewritten - names.size,
    ...(notKnown.length > 0 && { notKnown }),
    ...(allowed.length > 0 && { allowed: distinctPoints(allowed) }),
    ...(missing.length > 0 && { missing: distinctPoints(missing) }),
  };
}

/** Sorts points, and leaves out those that an upgrade repeats. */
function distinctPoints<P extends ReferencePoint>(points: readonly P[]): P[] {
  const keyOf = ({ reference, template, path }: ReferencePoint): string => [reference, template, path].join('\n');
  const byKey = new Map(points.toReversed().map((point) => [keyOf(point), point]));
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([, point]) => point);
}
