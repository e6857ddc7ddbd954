import { scalarAt } from '../../base/field-path.ts';
import { nestedCharts } from '../../discovery/nested/index.ts';
import { documentKey, type RenderedDocument } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { targetPrefix } from '../../naming/path-prefix.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { RecipeLocation } from '../../recipe/solve-recipe.ts';
import type { ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Profile } from '../../search/search-render.ts';
import { covers, isPartOf, namesToSweep, uncoveredNames } from '../../search/swept-names.ts';
import type { Variant } from '../../search/variants.ts';
import { readsAs } from '../../sweep/strings.ts';
import { type SweptName, sweep } from '../../sweep/sweep.ts';
import {
  type AllowedReference,
  type ExplainedName,
  expectedReference,
  pointOf,
  type ReferenceLocation,
  type ReferencePoint,
  type RenderProof,
  type UnmappedReference,
} from './proof.ts';

/** A public name that only the sweep found: an image, or the beginning of one, for which `reference` is the text. */
export type SweptLocation = RecipeLocation & ReferenceLocation;

/** What the sweep says of a render with overrides. */
export interface SweepResult extends Required<Pick<RenderProof, 'notKnown' | 'explained' | 'allowed'>> {
  /** Places that are still public, or have another name than the target's. */
  readonly places: readonly SweptLocation[];
}

type SearchedRender = Pick<Render, 'documents' | 'values'>;

/** What is known of one variant of a chart without overrides, or of manifests. */
interface SweptVariant extends Pick<Variant, 'references'> {
  readonly base: SearchedRender;
  readonly profile: Profile;
  /** Name of the chart. */
  readonly chart: string;
  /** Images that operators choose. */
  readonly operands: readonly LocatedReference[];
  /** References that are only possible. */
  readonly guesses: readonly LocatedReference[];
  /** References that stay public on purpose. */
  readonly staying: readonly LocatedReference[];
}

/** Searches the renders of one variant of a chart, without and with overrides, for public names. */
export class Sweep {
  /** Names in the render without overrides that no reference explains, and that have to be moved as references are. */
  readonly locations: readonly SweptLocation[];
  /** Addresses of the charts that the chart installs, which have overrides of their own. */
  readonly #charts: ReadonlySet<string>;
  readonly #find: (documents: readonly RenderedDocument[]) => SweptName[];
  readonly #variant: SweptVariant;
  readonly #target: Target;
  readonly #decisions: ReferenceDecisions | undefined;

  /** @param variant the render without overrides, and what was found in it */
  constructor(variant: SweptVariant, target: Target, decisions: ReferenceDecisions | undefined) {
    const { base, references, operands, guesses, staying } = variant;
    const all = [...references, ...operands, ...guesses, ...staying];
    const names = namesToSweep(all, (name) => isOfTarget(name, target));
    this.#charts = chartAddresses(base);
    this.#find = (documents) => sweep(documents, names);
    this.#variant = variant;
    this.#target = target;
    this.#decisions = decisions;
    this.locations = uncoveredNames(base.documents, names, all)
      .filter((swept) => isPlace(swept) && !this.#charts.has(swept.text) && this.#stays(swept) === undefined)
      .map((swept) => this.#locate(swept));
  }

  /** Judges a render with overrides. @param unmapped references that the proof found public in it */
  judge(render: SearchedRender, unmapped: readonly UnmappedReference[]): SweepResult {
    const { documents } = render;
    const { guesses, staying } = this.#variant;
    const charts = new Set([...this.#charts, ...chartAddresses(render)]);
    const isReported = ({ template, path, text }: SweptName): boolean =>
      unmapped.some(
        (entry) => entry.template === template && entry.path.startsWith(path) && isPartOf(entry.written, text),
      );
    const isOf = (references: readonly LocatedReference[], swept: SweptName): boolean =>
      references.some((reference) => covers(reference, swept));
    const result = { notKnown: [] as NotKnown[], explained: [] as ExplainedName[], allowed: [] as AllowedReference[] };
    const places: SweptName[] = [];
    for (const swept of this.#find(documents)) {
      const location = this.#locate(swept);
      const point = pointOf(location);
      const reason = this.#stays(swept);
      if (swept.explained !== undefined) {
        const { template, path, written: name } = point;
        result.explained.push({ name, template, path, why: swept.explained });
      } else if (isReported(swept) || isOf(staying, swept)) {
        // Said already.
      } else if (reason !== undefined) result.allowed.push({ state: 'public-on-purpose', ...point, reason });
      else if (isOf(guesses, swept)) result.notKnown.push({ ...unknown(point), why: GUESS });
      else if (charts.has(swept.text)) {
        // Charts need not be below the prefix of the images.
        if (!swept.text.startsWith(`${this.#target.registry}/`)) result.notKnown.push({ ...unknown(point), ...CHART });
      } else if (isPlace(swept)) places.push(swept);
      else result.notKnown.push(unknown(point));
    }
    const unmoved = this.locations.filter((location) => !this.#isMoved(location, documents, places));
    return { ...result, places: [...places.map((swept) => this.#locate(swept)), ...unmoved] };
  }

  /** Returns why a name stays public, if the user says so. */
  #stays({ text, shape, template, path }: SweptName): string | undefined {
    if (this.#decisions === undefined) return undefined;
    const { namespace } = this.#variant.profile.options;
    const at = `${template} ${path}`;
    const reference = shape === 'image' ? tryParseReference(text) : undefined;
    const entry =
      (reference && this.#decisions.stays(formatReference(reference), namespace, at)) ??
      this.#decisions.staysName(text, namespace, at);
    return entry?.reason;
  }

  #locate(swept: SweptName): SweptLocation {
    const { text: written, shape, explained: _, ...place } = swept;
    const reference = shape === 'image' ? tryParseReference(written) : undefined;
    return {
      ...{ chart: this.#variant.chart, profile: this.#variant.profile.name, ...place, how: 'config', written },
      reference: reference === undefined ? written : formatReference(reference),
      ...(reference === undefined && { isPrefix: true }),
    };
  }

  /** Reports whether a place has the target's name; not if it is still public, which is said of the public name. */
  #isMoved(location: SweptLocation, documents: readonly RenderedDocument[], places: readonly SweptName[]): boolean {
    const { template, document, path, written, isPrefix } = location;
    const isPublic = (swept: SweptName): boolean =>
      swept.template === template && swept.path === path && isPartOf(written, swept.text);
    if (places.some(isPublic)) return true;
    const expected = isPrefix ? targetPrefix(this.#target, written) : expectedReference(location, this.#target);
    const key = documentKey(template, document);
    const object = documents.find((candidate) => documentKey(candidate.template, candidate.index) === key)?.object;
    return expected !== undefined && readsAs(scalarAt(object, path) ?? '', expected);
  }
}

const GUESS = 'it is only possible that it is an image, so it is not changed';

const CHART = {
  why: 'it is the address of a chart that this one installs',
  settle: 'write overrides for that chart too',
};

function unknown({ reference: name, chart, profile, template, path }: ReferencePoint): NotKnown {
  return {
    ...{ state: 'not-known', what: 'name', name, chart, profile, template, path },
    why: 'it names a registry, and nothing shows that images are pulled by that name',
    settle: 'if it may stay, list it with a reason for --allow-images; else change it in the values',
  };
}

/** Reports whether a name has to be moved as a reference is. */
function isPlace({ shape }: SweptName): boolean {
  return shape !== 'bare';
}

/** Returns the addresses of the charts that a chart installs, without a scheme. */
function chartAddresses({ documents, values }: SearchedRender): Set<string> {
  const addresses = nestedCharts(documents, values).flatMap(({ repository, name, url }) => [
    ...(repository === '' ? [] : [repository, `${repository}/${name}`]),
    ...(url === undefined ? [] : [url]),
  ]);
  return new Set(addresses.map((address) => address.replace(/^\w+:\/\//, '')));
}

function isOfTarget(name: string, target: Target): boolean {
  const prefix = formatTarget(target);
  return (
    name === target.registry ||
    name === prefix ||
    name.startsWith(`${prefix}/`) ||
    name.startsWith(`${prefix}:`) ||
    name.startsWith(`${prefix}@`)
  );
}
