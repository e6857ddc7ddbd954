import { readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import {
  findKustomization,
  type KustomizationInputs,
  kustomizationInputs,
} from '../../manifests/kustomization-inputs.ts';
import { manifestSource } from '../../manifests/source.ts';
import { formatTargetReference, isUnderTarget, targetRepository } from '../../naming/naming.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import { type EntryChange, editImages } from '../../overrides/formats/kustomization-edit.ts';
import { type KustomizationFile, readKustomization } from '../../overrides/formats/kustomization-file.ts';
import { type ImagePlace, imageName, kustomizeEntries } from '../../overrides/formats/kustomize.ts';
import { isIdentity, kustomizationChanges } from '../../overrides/formats/kustomize-changes.ts';
import { imageFields } from '../../search/configured-images.ts';
import { type AllowedName, allowedNames, type ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Context } from '../../session/context.ts';
import { type BuiltUpdate, expectedReferences } from './built-updates.ts';
import { decisionsFor, warnUnusedAllowed } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import { manifestReferences, type SourceOptions, sourceReferences } from './source-references.ts';

/** Kustomizations to update, and the images that they need. */
export interface UpdateOptions extends SourceOptions {
  /** Files of the kustomizations, with the names for messages. */
  readonly files: readonly { readonly path: string; readonly shown: string }[];
}

/** A kustomization with its new text. */
export interface UpdatedKustomization extends BuiltUpdate {
  /** Path with links resolved (absolute). */
  readonly path: string;
  readonly before: string;
  readonly text: string;
  readonly isChanged: boolean;
  /** Names of the entries that were set. */
  readonly set: readonly string[];
  /** Names of the images that stay as they are, by an entry that says so. */
  readonly kept: readonly string[];
  /** The one of the others that builds on this one: the entries are there, so this one stays as it is. */
  readonly usedBy?: string;
}

export interface UpdateResult {
  readonly kustomizations: readonly UpdatedKustomization[];
  /** References that the entries do not redirect, one sentence each. */
  readonly left: readonly string[];
  /** Images that stay public on purpose, and get no entry. */
  readonly allowed: readonly AllowedName[];
  readonly decisions: ReferenceDecisions;
}

type DecidedOptions = UpdateOptions & { readonly decisions: ReferenceDecisions };

/** A kustomization as it is, with what it is built from. */
interface Opened {
  readonly path: string;
  readonly shown: string;
  readonly file: KustomizationFile;
  readonly inputs: KustomizationInputs;
  /** Folders of what it builds on, with links resolved, as `path` is. */
  readonly folders: ReadonlySet<string>;
}

/** Images that a kustomization needs: at places in what it builds itself, or in manifests or lists. */
type Wanted = Pick<UpdateResult, 'left' | 'allowed'> &
  (
    | { readonly isBuilt: true; readonly places: readonly LocatedReference[] }
    | { readonly isBuilt: false; readonly places: readonly ImagePlace[] }
  );

/**
 * Sets `images` in kustomizations, so that what they build names the target. Writes nothing. Without sources, and for one
 * that is a source itself or is built into one, a kustomization is built, and gets the entries that its own manifests need; so
 * too with a bundle or list, which then decides about tags. With manifests as sources, the others get the entries of all of
 * them. What is a base of another one stays as it is: its new names would not be those that the other one's entries are for.
 * @throws AirgapError all kustomizations that cannot be read or edited, together; errors of the sources
 */
export async function updateKustomizations(context: Context, options: UpdateOptions): Promise<UpdateResult> {
  const { target, files, manifests, images, bundle } = options;
  const opened = await openAll(files);
  const decisions = decisionsFor(context, options, undefined);
  const hasSources = manifests.length + images.length > 0 || bundle !== undefined;
  const folders = await builtFolders(manifests);
  const isOwnSource = ({ path }: Opened): boolean => !hasSources || folders.has(dirname(path));
  const shared = hasSources ? await sourceReferences(context, options) : undefined;
  const kustomizations: UpdatedKustomization[] = [];
  const left: string[] = [...(shared?.failures ?? [])];
  const allowed: AllowedName[] = [...(shared?.allowed ?? [])];
  const errors: AirgapError[] = [];
  for (const one of opened) {
    const { path, shown, file, inputs } = one;
    const user = opened.find((other) => other.folders.has(dirname(path)));
    if (user !== undefined) {
      const same = {
        path,
        shown,
        before: file.text,
        text: file.text,
        isChanged: false,
        set: [],
        kept: [],
        usedBy: user.shown,
        expected: [],
      };
      kustomizations.push(same);
      continue;
    }
    try {
      const wanted = isOwnSource(one)
        ? await ownImages(context, { ...options, decisions }, one)
        : manifests.length > 0
          ? ({ places: shared?.locations ?? [], isBuilt: false, left: [], allowed: [] } as const)
          : await listedImages(context, { ...options, decisions }, one, shared?.locations ?? []);
      const entries = kustomizeEntries(wanted.places, target, imageFields(inputs.configurations));
      const planned = kustomizationChanges(file, entries.entries, wanted.isBuilt);
      const changes = planned.changes.filter((change) => isNeeded(change, one, wanted.isBuilt));
      const text = editImages(file, changes);
      const kept = [...new Set(planned.kept.map(({ name }) => name))];
      const set = changes.map((change) => ('add' in change ? change.add.name : change.entry.name));
      const expected = wanted.isBuilt ? expectedReferences(wanted.places, planned.redirected, target) : [];
      const isChanged = text !== file.text;
      kustomizations.push({ path, shown, before: file.text, text, isChanged, set, kept, expected });
      allowed.push(...wanted.allowed);
      const origin = opened.length > 1 ? `${shown}: ` : '';
      left.push(...[...wanted.left, ...entries.left, ...planned.left].map((reason) => `${origin}${reason}`));
    } catch (error) {
      errors.push(asAirgapError(error));
    }
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${opened.length} kustomizations cannot be updated`);
  // The sources have warned already.
  if (shared === undefined) warnUnusedAllowed(context.emit, decisions);
  return { kustomizations, left: [...new Set(left)], allowed: allowedNames(allowed), decisions };
}

/** Returns the folders of kustomizations that are sources, and of those that they build on. */
async function builtFolders(sources: SourceOptions['manifests']): Promise<ReadonlySet<string>> {
  const folders = new Set<string>();
  for (const { kind, path } of sources) {
    if (kind !== 'kustomize') continue;
    const folder = await realpath(path).catch(() => path);
    folders.add(folder);
    const file = await findKustomization(folder);
    if (file === undefined) continue;
    const inputs = await kustomizationInputs(file, await readFile(file, 'utf8'));
    for (const inner of await realFolders(inputs)) folders.add(inner);
  }
  return folders;
}

async function realFolders({ folders }: KustomizationInputs): Promise<ReadonlySet<string>> {
  return new Set(await Promise.all([...folders].map((folder) => realpath(folder))));
}

/** Reads all kustomizations; each once, though several names may lead to it. */
async function openAll(files: UpdateOptions['files']): Promise<Opened[]> {
  const opened = new Map<string, Opened>();
  const errors: AirgapError[] = [];
  for (const { path: named, shown } of files) {
    try {
      const path = await realpath(named);
      const text = await readFile(path, 'utf8');
      const file = readKustomization(shown, text);
      if (opened.has(path)) continue;
      const inputs = await kustomizationInputs(path, text);
      opened.set(path, { path, shown, file, inputs, folders: await realFolders(inputs) });
    } catch (cause) {
      const unreadable = (): AirgapError =>
        new AirgapError('file', `--update ${shown} cannot be read: ${reasonOf(cause)}`, {
          hint: 'give existing kustomization.yaml files, or their folders',
          cause,
        });
      errors.push(cause instanceof AirgapError ? cause : unreadable());
    }
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} of ${files.length} files cannot be updated`);
  return [...opened.values()];
}

/** Builds a kustomization, and returns what its own manifests need. */
async function ownImages(
  context: Context,
  { target, rules = [], decisions }: DecidedOptions,
  { path }: Opened,
): Promise<Wanted> {
  const source = manifestSource('kustomize', dirname(path), context.cwd);
  const { wanted, staying } = await manifestReferences(context, source, rules, decisions);
  const places = wanted.filter(({ reference }) => !isUnderTarget(target, parseReference(reference)));
  checkNameCollisions(target, [...new Set(places.map(({ reference }) => reference))], context.emit);
  return { places, isBuilt: true, left: [], allowed: allowedNames(staying) };
}

/**
 * Returns the images of a bundle or list that a kustomization needs, as its manifests write them. If they have another tag
 * there, the one of the bundle or list is wanted. A kustomization that does not build by itself gets all images.
 */
async function listedImages(
  context: Context,
  { target, rules = [], decisions }: DecidedOptions,
  { path, shown, file }: Opened,
  listed: readonly LocatedReference[],
): Promise<Wanted> {
  const source = manifestSource('kustomize', dirname(path), context.cwd);
  const found = await manifestReferences(context, source, rules, decisions).catch((error: unknown) => {
    const { code, reason } = asAirgapError(error);
    if (code === 'interrupted') throw error;
    const message = `${shown} gets all images, as they are written in the bundle or list, because it was not built: ${reason}`;
    context.emit({ type: 'warning', message });
    return undefined;
  });
  if (found === undefined) return { places: listed, isBuilt: false, left: [], allowed: [] };
  const references = [...new Set(listed.map(({ reference }) => reference))];
  const repositoryOf = (reference: string): string => formatRepository(parseReference(reference));
  const byRepository = Map.groupBy(references, repositoryOf);
  const byPrivateName = Map.groupBy(references, (reference) =>
    formatRepository(targetRepository(target, parseReference(reference))),
  );
  const left: string[] = [];
  const places = found.wanted.flatMap((place): LocatedReference[] => {
    const { reference, written } = place;
    // An entry says that it stays as it is.
    if (file.entries.some((entry) => isIdentity(entry) && entry.name === imageName(written))) return [place];
    const isPrivate = isUnderTarget(target, parseReference(reference));
    const candidates = (isPrivate ? byPrivateName : byRepository).get(repositoryOf(reference)) ?? [];
    if (isPrivate && candidates.some((one) => formatTargetReference(target, parseReference(one)) === reference))
      return [];
    if (candidates.includes(reference)) return [place];
    const [only] = candidates;
    if (only !== undefined && candidates.length === 1) return [{ ...place, reference: only }];
    // Another bundle may have carried a private one.
    if (!isPrivate || only !== undefined)
      left.push(`${reference}: not in the bundle or list (${place.kind} ${place.name})`);
    return [];
  });
  return { places, isBuilt: true, left, allowed: allowedNames(found.staying) };
}

/**
 * Reports whether a change has an effect. A name that one entry of the kustomization makes is not in its manifests, unless one
 * of the files that it is built from has it too.
 */
function isNeeded(change: EntryChange, { file, inputs }: Opened, isBuilt: boolean): boolean {
  if (!('add' in change) || !isBuilt) return true;
  const { name } = change.add;
  const isMade = file.entries.some((entry) => entry.newName === name && !isIdentity(entry));
  if (!isMade || !inputs.isComplete) return true;
  const [start = 0, , end = 0] = file.list?.range ?? [];
  const rest = file.text.slice(0, start) + file.text.slice(end);
  return [...inputs.texts, rest].some((text) => text.includes(name));
}
