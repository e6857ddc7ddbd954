/** Where a value stands: a field of the object and, inside that field's text, how to get further in. */
export interface Spot {
  /** `spec.template.spec.containers[0].image`, `data["a.yaml"]`. */
  readonly path: string;
  /** Steps inside the field's text, outermost first: `base64 > yaml:sidecar.image`, `line 3 word 2`. */
  readonly within?: string;
}

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** The spot of a mapping's value or of a list's item: extends the path, or the innermost path of the nesting. */
export function childOf(spot: Spot, key: string | number): Spot {
  return spot.within === undefined
    ? { path: join(spot.path, key) }
    : { path: spot.path, within: join(spot.within, key) };
}

/** One nesting further in, as `base64`, `yaml:` (children extend it) or `line 3`. */
export function inside(spot: Spot, step: string): Spot {
  return { path: spot.path, within: spot.within === undefined ? step : `${spot.within} > ${step}` };
}

/** A spot in one line of text: the nesting where there is one, else the field. */
export function innermost(spot: Spot): string {
  return spot.within ?? spot.path;
}

function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' || path.endsWith(':') ? `${path}${key}` : `${path}.${key}`;
}
