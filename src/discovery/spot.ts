/** Path of a value: a field of the object and, inside the text of that field, further steps. */
export interface Spot {
  /** `spec.template.spec.containers[0].image`, `data["a.yaml"]`. */
  readonly path: string;
  /** Steps inside the text of the field, outermost first: `base64 > yaml:sidecar.image`, `line 3 word 2`. */
  readonly within?: string;
}

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** Returns the path of a mapping entry or list item: extends the field path, or the innermost step. */
export function childOf(spot: Spot, key: string | number): Spot {
  return spot.within === undefined
    ? { path: join(spot.path, key) }
    : { path: spot.path, within: join(spot.within, key) };
}

/** Adds a nested step: `base64`, `yaml:` (children extend it) or `line 3`. */
export function inside(spot: Spot, step: string): Spot {
  return { path: spot.path, within: spot.within === undefined ? step : `${spot.within} > ${step}` };
}

/** Returns the innermost step, or the field path if there is none. */
export function innermost(spot: Spot): string {
  return spot.within ?? spot.path;
}

function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' || path.endsWith(':') ? `${path}${key}` : `${path}.${key}`;
}
