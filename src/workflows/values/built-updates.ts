import { dirname } from 'node:path';
import { asAirgapError } from '../../base/errors.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { LocatedReference, Location } from '../../inventory/finding.ts';
import { manifestSource } from '../../manifests/source.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { imageName } from '../../overrides/formats/kustomize.ts';
import { Sweep, type SweptLocation } from '../../overrides/proof/swept.ts';
import type { ReferenceDecisions } from '../../search/reference-decisions.ts';
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
 * the name of an entry as a regular expression, which may match another image. Public names that no reference explains are in fields
 * that `images` does not set.
 */
export async function unreachedReferences(
  context: Context,
  kustomizations: readonly BuiltUpdate[],
  { rules = [], target, decisions }: Pick<SourceOptions, 'rules' | 'target'> & { decisions: ReferenceDecisions },
): Promise<string[]> {
  const reasons: string[] = [];
  for (const { path, shown, expected } of kustomizations) {
    const origin = kustomizations.length > 1 ? `${shown}: ` : '';
    try {
      const source = manifestSource('kustomize', dirname(path), context.cwd);
      const { wanted, searched, documents } = await manifestReferences(context, source, rules);
      for (const { reference, kind, name, path: field } of publicNames(
        source.name,
        searched,
        documents,
        target,
        decisions,
      ))
        reasons.push(
          `${origin}${reference}: still public, in a field that images does not set (${kind} ${name} ${field})`,
        );
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

/** Returns the public names in what a kustomization builds that no reference explains. */
function publicNames(
  chart: string,
  { references }: { readonly references: readonly LocatedReference[] },
  documents: readonly RenderedDocument[],
  target: Target,
  decisions: ReferenceDecisions,
): readonly SweptLocation[] {
  const variant = { base: { documents, values: {} }, references, operands: [], guesses: [], staying: [] };
  return new Sweep({ ...variant, chart, profile: { name: '', options: {} } }, target, decisions).locations;
}

function keyOf({ document, path, within = '' }: Pick<Location, 'document' | 'path' | 'within'>): string {
  return JSON.stringify([document, path, within]);
}

function normalized(reference: string): string {
  return formatReference(parseReference(reference));
}
