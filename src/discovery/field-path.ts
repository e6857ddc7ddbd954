/** Path of a value: a field of the object and, inside the text of that field, further steps. */
export interface FieldPath {
  /** `spec.template.spec.containers[0].image`, `data["a.yaml"]`. */
  readonly path: string;
  /** Steps inside the text of the field, outermost first: `base64 > yaml:sidecar.image`, `line 3 word 2`. */
  readonly within?: string;
}

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** Returns the path of a mapping entry or list item: extends the field path, or the innermost step. */
export function childPath(parent: FieldPath, key: string | number): FieldPath {
  return parent.within === undefined
    ? { path: joinKey(parent.path, key) }
    : { path: parent.path, within: joinKey(parent.within, key) };
}

/** Adds a nested step: `base64`, `yaml:` (children extend it) or `line 3`. */
export function nestedPath(parent: FieldPath, step: string): FieldPath {
  return { path: parent.path, within: parent.within === undefined ? step : `${parent.within} > ${step}` };
}

/** Returns the innermost step, or the field path if there is none. */
export function innermostPath(parent: FieldPath): string {
  return parent.within ?? parent.path;
}

function joinKey(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' || path.endsWith(':') ? `${path}${key}` : `${path}.${key}`;
}
