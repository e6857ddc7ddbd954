import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { printableLine } from '../base/printable.ts';

/** Kubernetes objects that are no chart: a kustomization, manifests in files, or an export of a cluster with OpenShift's. */
export interface ManifestSource<Kind extends string = 'kustomize' | 'manifests'> {
  readonly kind: Kind;
  /** Absolute path of a folder or, except for kustomize, of a file; `-` for standard input. */
  readonly path: string;
  /** Kind and path, such as `kustomize overlays/prod`. Locations have it in `chart`: no chart has a space in its name. */
  readonly name: string;
  /** What standard input contained. */
  readonly input?: Uint8Array;
}

/** Path of standard input. */
export const STANDARD_INPUT = '-';

/**
 * Returns the source at a path.
 * @param cwd absolute base of a relative path. The name has the path below it, or of a path elsewhere the last component, so
 *   that a bundle does not depend on where the files lie
 */
export function manifestSource<Kind extends ManifestSource['kind'] | 'image-streams'>(
  kind: Kind,
  path: string,
  cwd: string,
): ManifestSource<Kind> {
  if (kind !== 'kustomize' && path === STANDARD_INPUT) return { kind, path, name: `${kind} ${STANDARD_INPUT}` };
  const absolute = resolve(cwd, path);
  const below = relative(cwd, absolute);
  const isBelow = below !== '' && !isAbsolute(below) && below.split(sep)[0] !== '..';
  const shown = isBelow ? below.split(sep).join('/') : basename(absolute) || '/';
  return { kind, path: absolute, name: `${kind} ${printableLine(shown)}` };
}
