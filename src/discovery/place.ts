import type { Confidence, Need, Place } from '../lock/finding.ts';
import { isMapping, type Mapping } from './entry.ts';

/** A place and what it says about its reference. */
export interface PlaceFound extends Place {
  /** Fully normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
}

/** How places name the object that they are in. */
export function identityOf(object: Mapping): Pick<Place, 'kind' | 'name' | 'hook'> {
  const metadata = isMapping(object.metadata) ? object.metadata : {};
  const annotations = isMapping(metadata.annotations) ? metadata.annotations : {};
  const hook = annotations['helm.sh/hook'];
  return { kind: text(object.kind), name: text(metadata.name), ...(typeof hook === 'string' ? { hook } : {}) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
