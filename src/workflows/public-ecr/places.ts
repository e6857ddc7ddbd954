import { formatPath } from '../../base/field-path.ts';
import type { EvidenceKind } from '../../inventory/finding.ts';
import type { ImagePlace, PlacePart, UnmappedPlace } from '../../inventory/public-ecr.ts';
import { parseReference } from '../../oci/reference.ts';
import { withoutTagAndDigest } from '../../value-tracing/name-segments.ts';
import type { LocatedScalar } from './chart-values.ts';
import type { Moves } from './solve-moves.ts';
import type { Name, Use, UsePart } from './uses.ts';
import { isLongText } from './values-file.ts';

/** The spots that name one image. */
export interface ImagePlaces {
  readonly places: readonly ImagePlace[];
  readonly unmapped: readonly UnmappedPlace[];
}

/** Describes where images are named, and what to write there for those that move. */
export class PlaceList {
  readonly #moves: Moves;
  /** New names by scalar: one text may hold several. */
  readonly #changes: ReadonlyMap<string, readonly (readonly [Name, string])[]>;

  constructor(moves: Moves) {
    this.#moves = moves;
    const located = [...moves.names].flatMap(([name, text]) =>
      typeof name.scalar === 'string' ? [] : [{ key: scalarKey(name.scalar), change: [name, text] as const }],
    );
    const byKey = Map.groupBy(located, ({ key }) => key);
    this.#changes = new Map([...byKey].map(([key, entries]) => [key, entries.map(({ change }) => change)]));
  }

  /** Returns the places of an image. @param uses of this image @param isMoving whether it is to move */
  async of(uses: readonly Use[], isMoving: boolean): Promise<ImagePlaces> {
    const places = new Map<string, ImagePlace>();
    const unmapped = new Map<string, UnmappedPlace>();
    for (const use of uses) {
      const reason = isMoving ? this.#moves.unmoved.get(use) : undefined;
      const isMoved = isMoving && reason === undefined;
      const found = use.forms.flatMap((form) => this.#valuesPlaces(use, form, isMoved));
      const all = found.length > 0 ? found : await templatePlaces(use);
      for (const place of all) {
        const key = JSON.stringify([place.file, place.inArchive, place.line, place.parts.map(({ path }) => path)]);
        if (!places.has(key)) places.set(key, place);
      }
      // Nothing names an image that was added by name.
      if (reason !== undefined && (use.location !== undefined || use.forms.length > 0)) {
        const entry = unmappedPlace(use, reason);
        unmapped.set(JSON.stringify(entry), entry);
      }
    }
    const isEditable = ({ parts }: ImagePlace): boolean => parts.some(({ replacement }) => replacement !== undefined);
    const sorted = [...places.values()].sort((a, b) => Number(isEditable(b)) - Number(isEditable(a)));
    return { places: sorted, unmapped: [...unmapped.values()] };
  }

  /** Returns the place of a form in each file: a registry may be in the values of the parent chart. */
  #valuesPlaces({ chart, reference }: Use, form: readonly UsePart[], isMoved: boolean): ImagePlace[] {
    const names = [...new Set(form.flatMap(({ name }) => (name === undefined ? [] : [name])))];
    const located = names.flatMap((name) => (typeof name.scalar === 'string' ? [] : [{ name, scalar: name.scalar }]));
    return [...Map.groupBy(located, ({ scalar }) => scalar.file)].map(([{ file, inArchive }, inFile]) => {
      const parts = inFile.map(({ name, scalar }) => this.#part(name, scalar, roleOf(name, scalar, names), isMoved));
      const { line, path } = parts.find(({ role }) => role !== 'registry') ?? (parts[0] as PlacePart);
      const others = inFile.flatMap(({ scalar }) => tagParts(scalar, reference, isMoved));
      const distinct = new Map([...others, ...parts].map((part) => [part.path, part]));
      const ordered = [...parts, ...[...distinct.values()].filter((part) => !parts.includes(part))];
      const archive = inArchive === undefined ? {} : { inArchive };
      return { chart, file, ...archive, kind: 'values', line, path, parts: ordered };
    });
  }

  #part(name: Name, scalar: LocatedScalar, role: PlacePart['role'], isMoved: boolean): PlacePart {
    const { keys, line } = scalar;
    const text = isLongText(scalar) ? name.text : scalar.text;
    const part = { role, keys, path: formatPath(keys), line, text };
    return isMoved ? { ...part, replacement: this.#newText(scalar) } : part;
  }

  #newText(scalar: LocatedScalar): string {
    return (this.#changes.get(scalarKey(scalar)) ?? [])
      .toSorted(([a], [b]) => b.start - a.start)
      .reduce(
        (text, [name, changed]) => text.slice(0, name.start) + changed + text.slice(name.start + name.text.length),
        scalar.text,
      );
  }
}

function scalarKey({ file, keys }: LocatedScalar): string {
  return JSON.stringify([file.file, file.inArchive, keys]);
}

/** Returns what a name is in the reference. */
function roleOf(name: Name, { text }: LocatedScalar, names: readonly Name[]): PlacePart['role'] {
  if (names.length > 1 && name === names[0] && name.hostFirst && name.components.length === 1) return 'registry';
  return text === name.text ? 'repository' : 'reference';
}

/** Keys of the tag and the digest beside a repository. */
const SIBLINGS = [
  ['tag', ['tag', 'imageTag', 'version']],
  ['digest', ['digest', 'sha', 'sha256']],
] as const;

/** Returns the tag and the digest beside a scalar, if these are the ones of the image. They stay. */
function tagParts({ file, keys }: LocatedScalar, reference: string, isMoved: boolean): PlacePart[] {
  const { tag, digest } = parseReference(reference);
  const wanted = { tag, digest };
  return SIBLINGS.flatMap(([role, names]) => {
    for (const name of names) {
      const path = [...keys.slice(0, -1), name];
      const scalar = file.scalarAt(path);
      const isIt = scalar !== undefined && scalar.text !== '' && wanted[role]?.endsWith(scalar.text);
      if (!isIt) continue;
      const { text, line } = scalar;
      const part = { role, keys: path, path: formatPath(path), line, text };
      return [isMoved ? { ...part, replacement: text } : part];
    }
    return [];
  });
}

/** Returns where templates write a name that no value builds: the whole reference, or its repository before a built tag. */
async function templatePlaces({ chart, written, location, files }: Use): Promise<ImagePlace[]> {
  if (location === undefined || files === undefined || location.template === '') return [];
  for (const text of [written, withoutTagAndDigest(written)]) {
    const found = await files.literalIn(location.template, text);
    if (found === undefined) continue;
    const part: PlacePart = { role: 'reference', keys: [], path: '', line: found.line, text };
    return [{ chart, ...found, kind: 'template', path: '', parts: [part] }];
  }
  return [];
}

/** Reasons for what is not part of a manifest that templates write. */
const BY_EVIDENCE: Partial<Record<EvidenceKind, string>> = {
  declared: 'it is in Chart.yaml or Images.lock',
  'operator-rule': 'an operator chooses it',
  'inside-image': 'an operator chooses it',
  'nested-chart': 'a chart that this one installs names it',
};

function unmappedPlace({ chart, location }: Use, reason: string): UnmappedPlace {
  const { template = '', kind = '', name = '', path: field = '', how } = location ?? {};
  const object = kind === '' ? '' : `${kind}/${name}`;
  return { chart, template, object, field, reason: (how && BY_EVIDENCE[how]) ?? reason };
}
