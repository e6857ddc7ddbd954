import { isMapping, type Mapping } from '../base/mapping.ts';
import type { Confidence, Location, Need } from '../inventory/finding.ts';

/** An image reference and the location where it was found. */
export interface LocatedReference extends Location {
  /** Fully normalized: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
}

/** Returns kind, name and hook of an object, as locations contain them. */
export function objectIdentity(object: Mapping): Pick<Location, 'kind' | 'name' | 'hook'> {
  const metadata = isMapping(object.metadata) ? object.metadata : {};
  const annotations = isMapping(metadata.annotations) ? metadata.annotations : {};
  const hook = annotations['helm.sh/hook'];
  return { kind: text(object.kind), name: text(metadata.name), ...(typeof hook === 'string' ? { hook } : {}) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
