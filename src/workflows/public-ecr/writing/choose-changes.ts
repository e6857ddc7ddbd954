import { firstOf } from '../../../base/count.ts';
import type { EditableFile } from '../../../base/editable-file.ts';
import { changeScalars, isRefusal, type Refusal, type ScalarChange, YamlSource } from '../../../helm/yaml-source.ts';
import type { ImagePlace, PlacePart, PublicEcrImage } from '../../../inventory/public-ecr.ts';

/**
 * What keeps a place as it is: the image has no verified equivalent; another image needs the text; it is no file of the user;
 * the file cannot be changed in place; a test's expectation has to be looked at.
 */
type NotWrittenKind = 'unverified' | 'shared' | 'elsewhere' | 'file' | 'expectation';

/** Place that keeps its text, and why. */
export interface NotWritten {
  readonly kind: NotWrittenKind;
  /** Normalized reference; absent for what names no single image. */
  readonly reference?: string;
  /** Absolute; for a file in an archive, the archive. */
  readonly file: string;
  /** From 1; 0 if it is not known. */
  readonly line: number;
  readonly reason: string;
}

/** Place that is changed. */
export interface ChosenPlace {
  readonly image: PublicEcrImage;
  readonly place: ImagePlace;
}

export interface ChosenChanges {
  /** Changed texts by file. */
  readonly texts: ReadonlyMap<string, string>;
  readonly places: readonly ChosenPlace[];
  readonly notWritten: readonly NotWritten[];
}

/**
 * Chooses the places that are changed: those of verified equivalents whose scalars no other image needs as they are.
 * @param files all files of places with replacements
 * @param withoutSignatures also images whose signatures the equivalents do not have
 */
export function chooseChanges(
  images: readonly PublicEcrImage[],
  files: ReadonlyMap<string, EditableFile>,
  withoutSignatures = false,
): ChosenChanges {
  const all = images.flatMap((image) => image.places.map((place): ChosenPlace => ({ image, place })));
  const reasons = new Map(
    all.map((chosen): [ChosenPlace, Reason | undefined] => [chosen, reasonAgainst(chosen, files, withoutSignatures)]),
  );
  const isChosen = (chosen: ChosenPlace): boolean => reasons.get(chosen) === undefined;
  // Each place that is dropped may share scalars with others, which then are dropped too.
  for (;;) {
    const chosen = all.filter(isChosen);
    const shared = sharedScalars(all, isChosen);
    const { texts, refused } = changeFiles(chosen, files);
    const dropped = chosen.flatMap((candidate): [ChosenPlace, Reason][] => {
      const scalars = changedParts(candidate.place).map((part) => scalarKey(candidate.place, part));
      const reason = scalars.map((key) => shared.get(key) ?? refused.get(key)).find((found) => found !== undefined);
      return reason === undefined ? [] : [[candidate, reason]];
    });
    if (dropped.length === 0) {
      const notWritten = all.flatMap((candidate) => toNotWritten(candidate, reasons.get(candidate)));
      return { texts, places: chosen.filter(({ place }) => changedParts(place).length > 0), notWritten };
    }
    for (const [candidate, reason] of dropped) {
      // The parts of one name may be in several files: then none of them is changed.
      for (const other of chosen.filter((possible) => isOtherPart(possible, candidate)))
        reasons.set(other, {
          kind: reason.kind,
          reason: `${candidate.place.file}:${candidate.place.line} cannot be changed`,
        });
      reasons.set(candidate, reason);
    }
  }
}

function isOtherPart({ image, place }: ChosenPlace, other: ChosenPlace): boolean {
  return image === other.image && place.chart === other.place.chart && place.file !== other.place.file;
}

/** Returns the values files of verified images. */
export function filesToEdit(images: readonly PublicEcrImage[]): string[] {
  const places = images.filter(isVerified).flatMap((image) => image.places);
  return [...new Set(places.filter(isValuesFile).map(({ file }) => file))].sort();
}

/** Reason why a place is not changed; its line, if it differs from that of the place. */
interface Reason {
  readonly kind: NotWrittenKind;
  readonly reason: string;
  readonly line?: number;
  /** Another sentence of the report says so already, or nothing is to be done. */
  readonly isSilent?: boolean;
}

function reasonAgainst(
  { image, place }: ChosenPlace,
  files: ReadonlyMap<string, EditableFile>,
  withoutSignatures: boolean,
): Reason | undefined {
  if (image.class !== 'equivalent') return { kind: 'unverified', reason: 'it has no equivalent', isSilent: true };
  if (!isVerified(image)) return { kind: 'unverified', reason: notVerified(image) };
  if (place.inArchive !== undefined)
    return {
      kind: 'elsewhere',
      reason: `it is ${place.inArchive} in an archive: change it where that chart is made, or unpack it`,
    };
  if (place.kind === 'template') return { kind: 'elsewhere', reason: 'a template names it: give it a value first' };
  if (image.losesSignatures === true && !withoutSignatures)
    return {
      kind: 'unverified',
      reason: 'the image is signed, and its equivalent is not (--without-signatures changes it too)',
    };
  const missing = place.parts.find(({ replacement }) => replacement === undefined);
  if (missing !== undefined) return reasonOf(missing, { image, place }, files);
  const file = files.get(place.file);
  return typeof file === 'object' ? { kind: 'file', reason: file.reason } : undefined;
}

/** Returns why a part has no new text: its file does not allow a change, or other images need it. */
function reasonOf(
  { keys, line, path }: PlacePart,
  { image, place }: ChosenPlace,
  files: ReadonlyMap<string, EditableFile>,
): Reason {
  const text = files.get(place.file);
  const found = typeof text === 'string' ? new YamlSource(text).find(keys) : undefined;
  if (found !== undefined && isRefusal(found)) return { kind: 'file', ...found };
  const known = image.unmapped.find(({ chart }) => chart === place.chart)?.reason;
  return { kind: 'shared', line, reason: known ?? `${path} cannot be changed for this image alone` };
}

export function isVerified(image: PublicEcrImage): boolean {
  return image.class === 'equivalent' && image.status === 'verified';
}

function notVerified({ status, why, missingPlatforms = [] }: PublicEcrImage): string {
  switch (status) {
    case 'different-digest':
      return 'the equivalent has another digest';
    case 'different-platforms':
      return `the equivalent lacks ${firstOf(missingPlatforms, 3)}`;
    case 'not-found':
      return 'the equivalent does not exist';
    default:
      return why === undefined ? 'unconfirmed' : `unconfirmed: ${why}`;
  }
}

function isValuesFile({ kind, inArchive }: ImagePlace): boolean {
  return kind === 'values' && inArchive === undefined;
}

/** Returns the parts of a place that get another text. */
export function changedParts({ parts }: ImagePlace): PlacePart[] {
  return parts.filter(({ text, replacement }) => replacement !== undefined && replacement !== text);
}

function scalarKey({ file }: ImagePlace, { keys }: PlacePart): string {
  return JSON.stringify([file, ...keys]);
}

/** Returns the scalars for which not all places want the same text, with the reason. */
function sharedScalars(
  all: readonly ChosenPlace[],
  isChosen: (chosen: ChosenPlace) => boolean,
): ReadonlyMap<string, Reason> {
  const users = all
    .filter(({ place }) => isValuesFile(place))
    .flatMap((chosen) =>
      chosen.place.parts.map((part) => ({
        key: scalarKey(chosen.place, part),
        text: isChosen(chosen) ? part.replacement : part.text,
        chosen,
        part,
      })),
    );
  return new Map(
    [...Map.groupBy(users, ({ key }) => key)].flatMap(([key, group]): [string, Reason][] => {
      if (new Set(group.map(({ text }) => text)).size < 2) return [];
      const [{ part } = { part: undefined }] = group;
      const staying = group.find(({ chosen, text, part: { text: old } }) => !isChosen(chosen) || text === old);
      const other = staying?.chosen.image.reference;
      const why = other === undefined ? 'its images go to different names' : `${other} needs it as it is`;
      return [[key, { kind: 'shared', reason: `${part?.path} is not changed: ${why}` }]];
    }),
  );
}

function changeFiles(
  chosen: readonly ChosenPlace[],
  files: ReadonlyMap<string, EditableFile>,
): { readonly texts: ReadonlyMap<string, string>; readonly refused: ReadonlyMap<string, Reason> } {
  const texts = new Map<string, string>();
  const refused = new Map<string, Reason>();
  for (const [file, places] of Map.groupBy(chosen, ({ place }) => place.file)) {
    const text = files.get(file);
    const changes = new Map<string, ScalarChange>();
    for (const { place } of places)
      for (const part of changedParts(place)) changes.set(scalarKey(place, part), toChange(part));
    if (typeof text !== 'string' || changes.size === 0) continue;
    const result = changeScalars(text, [...changes.values()]);
    for (const [key, change] of changes) {
      const refusal: Refusal | undefined = result.refused.find((found) => found.change === change);
      if (refusal !== undefined) refused.set(key, { kind: 'file', reason: refusal.reason, line: refusal.line });
    }
    texts.set(file, result.text);
  }
  return { texts, refused };
}

function toChange({ keys, text, replacement = text }: PlacePart): ScalarChange {
  return { keys, text, replacement };
}

function toNotWritten({ image, place }: ChosenPlace, reason: Reason | undefined): NotWritten[] {
  if (reason === undefined || reason.isSilent === true) return [];
  const { kind, reason: text, line = place.line } = reason;
  return [{ kind, reference: image.reference, file: place.file, line, reason: text }];
}
