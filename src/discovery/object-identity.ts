import { isMapping, type Mapping } from '../base/mapping.ts';
import type { Location } from '../inventory/finding.ts';

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
