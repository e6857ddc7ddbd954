import type { LocatedReference } from '../inventory/finding.ts';
import { CONFIDENCES, type EvidenceKind, type Finding, type Location, NEEDS, type Need } from '../inventory/finding.ts';

/** Hooks that run during a first `helm install`. */
const INSTALL_HOOKS = new Set(['pre-install', 'post-install', 'crd-install']);

/**
 * Returns when an image is pulled. Images in pod specs and custom resources are pulled by the install; those in
 * environment variables, arguments and configuration are for pods that a running program creates later.
 */
export function needOf(how: EvidenceKind, hook: string | undefined, disabled: boolean): Need {
  const hooks = (hook ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (hooks.some((name) => name.startsWith('test'))) return 'test';
  if (hooks.length > 0 && !hooks.some((name) => INSTALL_HOOKS.has(name))) return 'lifecycle';
  if (disabled) return 'optional';
  return how === 'pod-spec' || how === 'custom-resource' ? 'install' : 'operand';
}

/**
 * Groups references into findings, sorted by reference. Each finding has all locations in the given order, the highest
 * confidence among them and the most immediate need.
 */
export function toFindings(references: readonly LocatedReference[]): Finding[] {
  const groups = Map.groupBy(references, (reference) => reference.reference);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reference, group]) => ({
      reference,
      confidence: first(
        CONFIDENCES,
        group.map((reference) => reference.confidence),
      ),
      need: first(
        NEEDS,
        group.map((reference) => reference.need),
      ),
      found: group.map(toLocation),
    }));
}

function toLocation({
  reference: _reference,
  confidence: _confidence,
  need: _need,
  ...location
}: LocatedReference): Location {
  return location;
}

function first<T>(order: readonly T[], present: readonly T[]): T {
  return order.find((value) => present.includes(value)) as T;
}
