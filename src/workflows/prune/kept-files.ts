import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import { chartReference } from '../../bundle/format/names.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import { tagAnnotation } from '../../bundle/reading/contents.ts';
import { type ExportedInventory, readExportedInventory } from '../../inventory/exported-inventory.ts';
import type { Inventory, InventoryReferrer } from '../../inventory/inventory.ts';
import type { LockFile } from '../../inventory/lock-file.ts';
import { formatTarget, type Target, usesWrittenNames } from '../../naming/naming.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, encodedOf, isDigest } from '../../oci/digest.ts';
import type { Root } from '../../oci/graph.ts';
import { parseReference, type Reference, type Repository, tryParseRepository } from '../../oci/reference.ts';
import { destinationsFor } from '../../transfer/destinations.ts';
import { destinationOf, writtenNames } from '../push/destination.ts';
import { checkNamed } from '../push/loaded-bundles.ts';
import type { Kept } from './kept.ts';

/** A file that says what to keep: a lock file that was read, the plan of a mirror, a bundle, or its exported inventory. */
export interface KeepFile {
  readonly file: string;
  readonly lockFile?: LockFile;
  readonly isMirrorPlan?: true;
}

/**
 * Adds what bundles and lock files have at a target: the tags that `push` gives their content, whatever their digests are in the
 * registry; and its digests, wherever they stand.
 * @throws AirgapError of opening; `usage` if a file does not tell the names; `reference-invalid`
 */
export async function keepFiles(kept: Kept, files: readonly KeepFile[], target: Target, emit: Emit): Promise<void> {
  for (const { file, lockFile, isMirrorPlan } of files) {
    const contents =
      lockFile !== undefined
        ? lockContents(file, lockFile, target)
        : isMirrorPlan
          ? await planContents(file, target)
          : await readContents(file, emit);
    addContents(kept, printableLine(file), contents, target);
  }
}

/** What a file has, under the names of its sources. */
interface Contents {
  /** `isUnsure`: the digest is not the one that the target gets, or not known. */
  readonly roots: readonly Root[];
  readonly referrers: readonly { readonly repository: Repository; readonly tag?: string; readonly digest: Digest }[];
  /** Inventory, for names as charts write them and for what a delta builds on. */
  readonly inventory?: Inventory;
}

function addContents(kept: Kept, file: string, contents: Contents, general: Target): void {
  const { inventory } = contents;
  const target = inventory === undefined ? general : withNames(general, inventory);
  const why = `in ${file}`;
  const destination = (source: Reference): Reference => destinationOf(target, source);
  for (const root of contents.roots) {
    // One by one: for what is kept, two contents of one name are no conflict.
    for (const { repository, tag } of destinationsFor([root], destination)) {
      kept.tagOf(file, repository, tag);
      // A pinned image gets this tag if another one has its own.
      if (root.reference.digest !== undefined)
        kept.tag(repository, `digest-${encodedOf(root.descriptor.digest).slice(0, 12)}`, why);
      if (root.descriptor.digest !== UNKNOWN) kept.digest(repository, root.descriptor.digest, why);
      if (root.sourceDigest !== undefined) kept.digest(repository, root.sourceDigest, why);
    }
  }
  for (const { repository: source, tag, digest } of contents.referrers) {
    const repository = destination(source);
    kept.digest(repository, digest, why);
    if (tag !== undefined) kept.tag(repository, tag, why);
  }
  for (const { digest, repositories } of inventory?.requires ?? []) {
    for (const name of repositories) {
      const source = tryParseRepository(name);
      if (source !== undefined && isDigest(digest))
        kept.needed(destination(source), digest, `needed by the delta ${file}`);
    }
  }
}

/** Reads a bundle or its exported inventory. */
async function readContents(file: string, emit: Emit): Promise<Contents> {
  const exported = await readIfExported(file);
  if (exported !== undefined) return inventoryContents(exported.lock);
  const bundle = await openCheckedBundle(file, { emit });
  try {
    checkNamed(bundle, emit);
    if (bundle.unnamed().some((descriptor) => tagAnnotation(descriptor) !== undefined)) {
      throw new AirgapError(
        'usage',
        `${file} identifies images only by tag, so what they are called at the target is unknown`,
        {
          hint: 'keep a bundle written by helm airgap bundle, or a lock file',
        },
      );
    }
    const inventory = bundle.inventory();
    return {
      roots: [...bundle.images(), ...bundle.charts()],
      referrers: bundle.referrers().map(({ repository, tag, descriptor: { digest } }) => ({
        repository,
        digest,
        ...(tag !== undefined && { tag }),
      })),
      ...(inventory && { inventory }),
    };
  } finally {
    await bundle.close();
  }
}

/** Reads an exported inventory. The index of a bundle in parts is JSON too, and is opened as a bundle. */
async function readIfExported(file: string): Promise<ExportedInventory | undefined> {
  return file.endsWith('.parts.json') ? undefined : readExportedInventory(file);
}

function inventoryContents(inventory: Inventory): Contents {
  const images = inventory.images.map(({ reference, digest, sourceDigest, referrers }) => ({
    root: rootOf(parseReference(reference), digest, sourceDigest),
    referrers,
  }));
  const charts = inventory.charts.map(({ name, version, digest, referrers }) => ({
    root: rootOf(chartReference(name, version), digest),
    referrers,
  }));
  const all = [...images, ...charts];
  return {
    roots: all.map(({ root }) => root),
    referrers: all.flatMap(({ root: { reference }, referrers = [] }) =>
      referrers.map(({ digest, tag }: InventoryReferrer) => ({
        repository: reference,
        digest,
        ...(tag !== undefined && { tag }),
      })),
    ),
    inventory,
  };
}

/** A digest for what has none: no content has it. */
const UNKNOWN: Digest = `sha256:${'0'.repeat(64)}`;

/** Reads what a mirror copies. */
async function planContents(file: string, target: Target): Promise<Contents> {
  refuseWrittenNames(file, target);
  const { readMirrorPlan } = await import('../../inventory/mirror-plan.ts');
  const roots = (await readMirrorPlan(file)).flatMap(({ repository, lookups }) =>
    lookups.map((lookup) => {
      const [first = '', second] = lookup.split('@');
      const digest = [first, second ?? ''].find(isDigest);
      const tag = isDigest(first) ? undefined : first;
      return rootOf({ ...repository, ...(tag !== undefined && { tag }), ...(digest && { digest }) }, digest ?? UNKNOWN);
    }),
  );
  return { roots, referrers: [] };
}

function lockContents(file: string, { charts, images }: LockFile, target: Target): Contents {
  refuseWrittenNames(file, target);
  const imageRoots = images.map(({ reference, digest }) => {
    const parsed = parseReference(reference);
    return rootOf(parsed, isDigest(digest) ? digest : (parsed.digest ?? UNKNOWN));
  });
  // The digest of a chart in a lock file is that of its archive.
  const chartRoots = charts.map(({ name, version }) => rootOf(chartReference(name, version), UNKNOWN));
  return { roots: [...imageRoots, ...chartRoots], referrers: [] };
}

/** @throws AirgapError `usage` if the naming needs what only a bundle tells */
function refuseWrittenNames(file: string, target: Target): void {
  if (!usesWrittenNames(target)) return;
  throw new AirgapError(
    'usage',
    `${file} does not tell how the charts write their images, on which --naming ${target.naming} depends`,
    {
      hint: `keep the bundle that was made from it, or its inventory (helm airgap inspect BUNDLE -o lock); the target is ${formatTarget(target)}`,
    },
  );
}

function rootOf(reference: Reference, digest: Digest, sourceDigest?: Digest): Root {
  const descriptor: Descriptor = { mediaType: '', digest, size: 0 };
  return { reference, descriptor, ...(sourceDigest && { sourceDigest }) };
}

function withNames(target: Target, inventory: Inventory): Target {
  return usesWrittenNames(target) ? { ...target, writtenNames: writtenNames(inventory) } : target;
}
