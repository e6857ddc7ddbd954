import { formatPath, type KeyPath } from '../../base/field-path.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { PublicEcrRole } from '../../inventory/public-ecr.ts';
import { type StoredRecipe, type StoredSegment, segmentName } from '../../inventory/recipe.ts';
import { valuesOriginOf } from '../../inventory/values-origin.ts';
import type { SearchedChart } from '../../search/search-result.ts';
import type { ChartValues, LocatedScalar } from './chart-values.ts';
import { roleOf } from './roles.ts';

/** One name in a scalar of a values file: the whole of it, or the part before a tag. Equal names are the same object. */
export interface Name {
  readonly text: string;
  readonly components: readonly string[];
  /** The first component is a host. */
  readonly hostFirst: boolean;
  /** Offset in the text of the scalar. */
  readonly start: number;
  /** Path in the coalesced values, for messages. */
  readonly path: string;
  /** The scalar; a text says why there is none. */
  readonly scalar: LocatedScalar | string;
}

/** Part of a reference: a literal of a template, or a name that a value has, of which a template may use some components. */
export type UsePart = { readonly text: string; readonly name?: Name; readonly isWhole?: boolean };

/** Something that pulls an image: a location in a render, or keys of a values file. */
export interface Use {
  /** Normalized. */
  readonly reference: string;
  /** As written. The texts of the parts of each form are the same. */
  readonly written: string;
  /** Ways in which values build it; several if it occurs several times in one field. None: no value builds it. */
  readonly forms: readonly (readonly UsePart[])[];
  /** Empty for keys of a values file that no chart belongs to. */
  readonly chart: string;
  readonly role: PublicEcrRole;
  /** Location in the render; absent for keys of a values file. */
  readonly location?: LocatedReference;
  /** Flags that set values of the render, `--set image.tag`: what these build is in no file. */
  readonly flags?: readonly string[];
  /** Files of the chart that was rendered. */
  readonly files?: ChartValues;
}

/** Makes one object of equal names, so that all images that use a scalar are seen together. */
export class Names {
  readonly #known = new Map<string, Name>();

  /** Returns the name in a scalar. @param owner distinguishes names that no file has, such as those of a chart's profile */
  of(name: Omit<Name, 'components'>, components: readonly string[], owner: string): Name {
    const { scalar, start } = name;
    const key =
      typeof scalar === 'string'
        ? [owner, name.path, start]
        : [scalar.file.file, scalar.file.inArchive ?? '', formatPath(scalar.keys), start];
    const text = JSON.stringify(key);
    const known = this.#known.get(text) ?? { ...name, components };
    this.#known.set(text, known);
    return known;
  }
}

/** Returns the uses of all images in the renders of a chart. @param cwd base of relative paths (absolute) */
export async function renderedUses(
  { chart, profiles, references, recipes }: SearchedChart,
  files: ChartValues,
  names: Names,
  cwd: string,
): Promise<Use[]> {
  const uses: Use[] = [];
  for (const { name: profile, options } of profiles) {
    const find = await files.finder(options, cwd);
    const owner = `${chart.archive} ${profile}`;
    const flags = valuesOriginOf(options).set ?? [];
    const forms = new Map<string, UsePart[][]>();
    for (const recipe of recipes.get(profile) ?? []) {
      const nameAt = slotNames(recipe, names, find, owner);
      for (const place of recipe.places) {
        const templates = place.later ?? place.first;
        const parts = templates.map((template) =>
          template.map((part): UsePart => {
            if (typeof part === 'string') return { text: part };
            const name = nameAt(part.slot);
            return { text: part.text, name, isWhole: part.from === 0 && part.to === name.components.length - 1 };
          }),
        );
        forms.set(placeKey(place), [...(forms.get(placeKey(place)) ?? []), ...parts]);
      }
    }
    for (const location of references.filter((reference) => reference.profile === profile)) {
      const { reference, written } = location;
      const built = (forms.get(placeKey(location)) ?? []).filter(
        (parts) => parts.map(({ text }) => text).join('') === written,
      );
      const role = roleOf(location);
      uses.push({ reference, written, forms: built, chart: chart.metadata.name, role, location, flags, files });
    }
  }
  return uses;
}

type PlaceOf = Pick<StoredRecipe['places'][number], 'template' | 'document' | 'path' | 'within' | 'written'>;

function placeKey({ template, document, path, within, written }: PlaceOf): string {
  return JSON.stringify([template, document, path, within, written]);
}

function slotNames(
  { slots }: StoredRecipe,
  names: Names,
  find: (keys: KeyPath, isRight: (text: string) => boolean) => LocatedScalar | string,
  owner: string,
): (slot: number) => Name {
  const found = new Map<number, Name>();
  return (index) => {
    const known = found.get(index);
    if (known !== undefined) return known;
    const { path, start, components, hostFirst, ...slot } = slots[index] as StoredSegment;
    const text = segmentName({ start, end: slot.end, components });
    const scalar = find(path, (value) => value.slice(start, slot.end) === text && (text !== '' || value === ''));
    const name = names.of({ text, hostFirst, start, path: formatPath(path), scalar }, components, owner);
    found.set(index, name);
    return name;
  };
}
