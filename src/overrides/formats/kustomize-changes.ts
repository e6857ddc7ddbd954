import { formatRepository, tryParseReference } from '../../oci/reference.ts';
import type { EntryChange } from './kustomization-edit.ts';
import type { ExistingEntry, ImageEntry, KustomizationFile } from './kustomization-file.ts';
import type { WantedEntry } from './kustomize.ts';

/** What has to change in one kustomization. */
export interface KustomizationChanges {
  readonly changes: readonly EntryChange[];
  /** Entries that name their own image with its tag: it stays as it is on purpose. */
  readonly kept: readonly ExistingEntry[];
  /** Names of the images that have or get their private names. */
  readonly redirected: readonly string[];
  /** What cannot be set, one sentence each. */
  readonly left: readonly string[];
}

/**
 * Compares the entries of a kustomization with those that are wanted. Kustomize applies entries one after the other: what one
 * renames, a later one may rename again. So an image `ghcr.io/a/b` may come from an entry `{name: b, newName: ghcr.io/a/b}`;
 * then this entry is changed, and does not depend on the order, which `kustomize edit` changes.
 * @param isBuilt the wanted names are in what this kustomization builds; else in manifests or lists, as they are before its
 *   own entries apply
 */
export function kustomizationChanges(
  { path, entries }: KustomizationFile,
  wanted: readonly WantedEntry[],
  isBuilt: boolean,
): KustomizationChanges {
  const changes = new Map<ExistingEntry, EntryChange>();
  const added: EntryChange[] = [];
  const kept = new Set<ExistingEntry>();
  const redirected: string[] = [];
  const left: string[] = [];
  for (const image of wanted) {
    const same = entries.filter(({ name }) => name === image.name);
    // A private name may have another tag now.
    const own = image.newName === image.name ? undefined : same.find(isIdentity);
    if (own !== undefined) {
      if (own.newTag === undefined && own.digest === undefined)
        left.push(`${image.name}: stays as it is by the entry in ${path}:${own.line}, which does not fix its tag`);
      kept.add(own);
      continue;
    }
    const leading = entries.filter((entry, i) => isLeading(entry, i, entries, image.name, isBuilt));
    const others = isBuilt ? [] : entries.filter((entry) => !leading.includes(entry) && isSpelledAs(entry, image.name));
    const doubled: ExistingEntry[] = [];
    for (const entry of [...leading, ...others]) {
      const set = wantedFields(entry, image);
      if (isDoubled(entry, set)) {
        doubled.push(entry);
        left.push(
          `${image.name}: the entry in ${path}:${entry.line} has tagSuffix for several tags; write entries with newTag`,
        );
        continue;
      }
      if (isSet(entry, set)) continue;
      changes.set(entry, { entry, set });
    }
    const { references: _, ...add } = image;
    if (same.length === 0) added.push({ add });
    if (doubled.length === 0) redirected.push(image.name);
  }
  return { changes: [...changes.values(), ...added], kept: [...kept], redirected, left };
}

/** Reports whether an entry gives an image the name that it has: what it is for is the tag, so the image stays where it is. */
export function isIdentity({ name, newName }: ImageEntry): boolean {
  return newName === name;
}

/** Reports whether the images of this name come from an entry, or go into it. */
function isLeading(
  entry: ExistingEntry,
  position: number,
  entries: readonly ExistingEntry[],
  name: string,
  isBuilt: boolean,
): boolean {
  if (!isBuilt && entry.name === name) return true;
  if ((entry.newName ?? entry.name) !== name) return false;
  return !entries.some((later, i) => i > position && later.name === name);
}

/** Reports whether an entry is for the same repository, written in another way: `nginx`, `docker.io/library/nginx`. */
function isSpelledAs(entry: ExistingEntry, name: string): boolean {
  const [one, other] = [tryParseReference(entry.name), tryParseReference(name)];
  return (
    !isIdentity(entry) && one !== undefined && other !== undefined && formatRepository(one) === formatRepository(other)
  );
}

/** An image with several tags keeps them, and what the entry sets so far. */
function wantedFields(entry: ExistingEntry, image: WantedEntry): Omit<ImageEntry, 'name'> {
  const { newName, newTag, digest } = image;
  if (newTag !== undefined || digest !== undefined) return { newName, newTag, digest };
  return { newName, newTag: entry.newTag, digest: entry.digest };
}

/**
 * Reports whether an entry appends its suffix twice today, and would only once with a new name: kustomize looks at images of Pods
 * and templates two times.
 */
function isDoubled(entry: ExistingEntry, { newTag, digest }: Omit<ImageEntry, 'name'>): boolean {
  return entry.fields.has('tagSuffix') && entry.newName === undefined && newTag === undefined && digest === undefined;
}

function isSet(entry: ExistingEntry, { newName, newTag, digest }: Omit<ImageEntry, 'name'>): boolean {
  return entry.newName === newName && entry.newTag === newTag && entry.digest === digest;
}
