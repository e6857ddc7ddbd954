import { scalarAt } from '../../base/field-path.ts';
import { documentKey, type RenderedDocument } from '../../helm/documents.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { targetPrefix } from '../../naming/path-prefix.ts';
import { formatReference, parseReference, tryParseReference } from '../../oci/reference.ts';
import type { MovableLocation } from '../../recipe/solve-recipe.ts';
import type { Variant } from '../../search/variants.ts';
import { RegistryHosts } from '../../sweep/hosts.ts';
import { readsAs } from '../../sweep/strings.ts';
import { type SweptName, sweep } from '../../sweep/sweep.ts';
import {
  expectedReference,
  locationPath,
  type ReferenceLocation,
  type RenderProof,
  type UnmappedReference,
} from './proof.ts';

/** A public name that only the sweep found: an image, or the beginning of one, for which `reference` is the text. */
export type SweptLocation = MovableLocation & ReferenceLocation;

/** What the sweep says of a render with overrides. */
type SweepResult = Required<Omit<RenderProof, 'references'>>;

/** What is known of one variant of a chart without overrides. */
interface SweptVariant extends Variant {
  /** Name of the chart. */
  readonly chart: string;
  /** Images that operators choose. */
  readonly operands: readonly LocatedReference[];
  /** References that are only possible. */
  readonly guesses: readonly LocatedReference[];
}

/** Searches the renders of one variant of a chart, without and with overrides, for public names. */
export class Sweep {
  /** Names in the render without overrides that no reference explains, and that have to be moved as references are. */
  readonly locations: readonly SweptLocation[];
  readonly #find: (documents: readonly RenderedDocument[]) => SweptName[];
  readonly #guesses: readonly LocatedReference[];
  readonly #chart: { readonly chart: string; readonly profile: string };
  readonly #target: Target;

  /** @param variant the render without overrides, and what was found in it */
  constructor({ base, profile, references, operands, guesses, chart }: SweptVariant, target: Target) {
    const all = [...references, ...operands, ...guesses];
    const parsed = all.map(({ reference }) => parseReference(reference));
    const hosts = new RegistryHosts(parsed.map(({ registry }) => registry));
    const shortNames = [...new Set(parsed.flatMap(shortName))];
    const isPrivate = (name: string): boolean => isOfTarget(name, target);
    this.#find = (documents) => sweep(documents, { hosts, shortNames, isPrivate });
    this.#guesses = guesses;
    this.#chart = { chart, profile: profile.name };
    this.#target = target;
    this.locations = this.#find(base.documents)
      .filter((swept) => isPlace(swept) && !all.some((reference) => covers(reference, swept)))
      .map((swept) => this.#locate(swept));
  }

  /** Judges a render with overrides. @param unmapped references that are known to be public in it */
  judge(documents: readonly RenderedDocument[], unmapped: readonly UnmappedReference[]): SweepResult {
    const found = this.#find(documents);
    const isReported = ({ template, path, text }: SweptName): boolean =>
      unmapped.some(
        (entry) => entry.template === template && entry.path.startsWith(path) && overlaps(entry.written, text),
      );
    const open = found.filter((swept) => swept.explained === undefined && !isReported(swept));
    const isGuess = (swept: SweptName): boolean => this.#guesses.some((reference) => covers(reference, swept));
    const [uncertain, places] = partition(open, (swept) => !isPlace(swept) || isGuess(swept));
    const unmoved = this.locations.filter((location) => !this.#isMoved(location, documents, places));
    return {
      unmapped: [...places.map((swept) => this.#locate(swept)), ...unmoved].map((location) => ({
        ...{ reference: location.reference, ...this.#chart, template: location.template },
        path: locationPath(location),
        written: location.written,
      })),
      notKnown: uncertain.map((swept) => ({
        ...{ state: 'not-known' as const, subject: swept.text, ...this.#chart, template: swept.template },
        path: locationPath(this.#locate(swept)),
        why: isGuess(swept) ? GUESS : 'it names a registry, and nothing shows whether images are pulled from it',
        settle: 'if it may stay, list it with a reason for --allow-images; else change it in the values',
      })),
      explained: found.flatMap((swept) =>
        swept.explained === undefined
          ? []
          : [{ name: swept.text, template: swept.template, path: swept.path, why: swept.explained }],
      ),
    };
  }

  #locate(swept: SweptName): SweptLocation {
    const { text: written, shape, explained: _, ...place } = swept;
    const reference = shape === 'image' ? tryParseReference(written) : undefined;
    return {
      ...{ ...this.#chart, ...place, how: 'config', written },
      reference: reference === undefined ? written : formatReference(reference),
      ...(reference === undefined && { isPrefix: true }),
    };
  }

  /** Reports whether a place has the target's name; not if it is still public, which is said of the public name. */
  #isMoved(location: SweptLocation, documents: readonly RenderedDocument[], places: readonly SweptName[]): boolean {
    const { template, document, path, written, isPrefix } = location;
    const isPublic = (swept: SweptName): boolean =>
      swept.template === template && swept.path === path && overlaps(written, swept.text);
    if (places.some(isPublic)) return true;
    const expected = isPrefix ? targetPrefix(this.#target, written) : expectedReference(location, this.#target);
    const key = documentKey(template, document);
    const object = documents.find((candidate) => documentKey(candidate.template, candidate.index) === key)?.object;
    return expected !== undefined && readsAs(scalarAt(object, path) ?? '', expected);
  }
}

const GUESS = 'it is only possible that it is an image, so it is not changed';

function isPlace({ shape, explained }: SweptName): boolean {
  return shape !== 'bare' && explained === undefined;
}

/** Reports whether a reference is at the place of a name, whole or as a part. */
function covers({ template, document, path, written, parts = [] }: LocatedReference, swept: SweptName): boolean {
  if (template !== swept.template || document !== swept.document || path !== swept.path) return false;
  return overlaps(written, swept.text) || parts.some((part) => part.text.includes(swept.text));
}

function overlaps(one: string, other: string): boolean {
  return one.includes(other) || other.includes(one);
}

function isOfTarget(name: string, target: Target): boolean {
  const prefix = formatTarget(target);
  return name === target.registry || name === prefix || name.startsWith(`${prefix}/`) || name.startsWith(`${prefix}:`);
}

/** Returns the name of an image as it is written without the default registry; none for other registries. */
function shortName({ registry, path, tag }: ReturnType<typeof parseReference>): string[] {
  if (registry !== 'docker.io') return [];
  const name = path.replace(/^library\//, '');
  if (name.includes('/')) return [name];
  return tag === undefined ? [] : [`${name}:${tag}`];
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
