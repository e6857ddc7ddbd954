import type { Confidence, Need, Place } from '../lock/finding.ts';
import { isMapping, type Mapping } from './entry.ts';

/** An image reference and the location where it was found. */
export interface PlaceFound extends Place {
  /** Fully normalized: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
}

/** Returns kind, name and hook of an object, as locations contain them. */
export function identityOf(object: Mapping): Pick<Place, 'kind' | 'name' | 'hook'> {
  const metadata = isMapping(object.metadata) ? object.metadata : {};
  const annotations = isMapping(metadata.annotations) ? metadata.annotations : {};
  const hook = annotations['helm.sh/hook'];
  return { kind: text(object.kind), name: text(metadata.name), ...(typeof hook === 'string' ? { hook } : {}) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
