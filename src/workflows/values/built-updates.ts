import { dirname } from 'node:path';
import { asAirgapError } from '../../base/errors.ts';
import type { LocatedReference, Location } from '../../inventory/finding.ts';
import { manifestSource } from '../../manifests/source.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { imageName } from '../../overrides/formats/kustomize.ts';
import type { Context } from '../../session/context.ts';
import { manifestReferences, type SourceOptions } from './source-references.ts';

/** What an entry of `images` is to make of a reference in what a kustomization builds. */
export interface ExpectedReference extends Pick<Location, 'document' | 'kind' | 'name' | 'path' | 'within'> {
  readonly reference: string;
  /** Its private name. */
  readonly expected: string;
}

/** A kustomization whose file was updated. */
export interface BuiltUpdate {
  /** Absolute. */
  readonly path: string;
  /** Path for messages. */
  readonly shown: string;
  /** Empty if it was not built before. */
  readonly expected: readonly ExpectedReference[];
}

/** Returns what entries with these names are to make of references at their places. */
export function expectedReferences(
  places: readonly LocatedReference[],
  names: readonly string[],
  target: Target,
): ExpectedReference[] {
  const set = new Set(names);
  return places
    .filter(({ written }) => set.has(imageName(written)))
    .map(({ document, kind, name, path, within, reference }) => ({
      ...{ document, kind, name, path, reference },
      ...(within !== undefined && { within }),
      expected: formatTargetReference(target, parseReference(reference)),
    }));
}

/**
 * Builds updated kustomizations again, from the files as they are now, and returns the references that did not get their
 * private names, one sentence each. Replacements and other transformers may set an image after `images`, and kustomize reads
 * the name of an entry as a regular expression, which may match another image.
 */
export async function unreachedReferences(
  context: Context,
  kustomizations: readonly BuiltUpdate[],
  rules: NonNullable<SourceOptions['rules']>,
): Promise<string[]> {
  const reasons: string[] = [];
  for (const { path, shown, expected } of kustomizations) {
    if (expected.length === 0) continue;
    const origin = kustomizations.length > 1 ? `${shown}: ` : '';
    try {
      const source = manifestSource('kustomize', dirname(path), context.cwd);
      const { wanted } = await manifestReferences(context, source, rules);
      const built = new Map(wanted.map((place) => [keyOf(place), place]));
      for (const place of expected) {
        const actual = built.get(keyOf(place))?.reference;
        if (actual === undefined || actual === normalized(place.expected)) continue;
        const problem = `is ${actual} after images, not ${place.expected}: something else sets it`;
        reasons.push(`${origin}${place.reference}: ${problem} (${place.kind} ${place.name} ${place.path})`);
      }
    } catch (error) {
      const { code, reason } = asAirgapError(error);
      if (code === 'interrupted') throw error;
      reasons.push(`${shown}: its entries are not proved, because it does not build with them: ${reason}`);
    }
  }
  return [...new Set(reasons)];
}

function keyOf({ document, path, within = '' }: Pick<Location, 'document' | 'path' | 'within'>): string {
  return JSON.stringify([document, path, within]);
}

function normalized(reference: string): string {
  return formatReference(parseReference(reference));
}
