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
import type { KeepRoots } from './staying.ts';

/** A file that says what to keep: a lock file that was read, or the path of a bundle or of its exported inventory. */
export type KeepFile = { readonly file: string; readonly lockFile?: LockFile };

/** What has to stay at a target, by the paths of its repositories. */
export class Kept {
  readonly #tags = new Map<string, Map<string, string>>();
  readonly #digests = new Map<string, Map<Digest, string>>();
  readonly #needed = new Map<string, Map<Digest, string>>();
  /** Digests of which everything that reaches them stays, in every repository. */
  readonly #everywhere = new Map<Digest, string>();
  readonly #paths = new Set<string>();

  /** Repositories that a file maps to. */
  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  tag({ path }: Repository, tag: string, why: string): void {
    set(this.#tags, path, tag, why);
  }

  digest({ path }: Repository, digest: Digest, why: string): void {
    set(this.#digests, path, digest, why);
  }

  /** Keeps every tag that reaches a manifest or blob, in one repository. */
  needed({ path }: Repository, digest: Digest, why: string): void {
    set(this.#needed, path, digest, why);
  }

  /** Keeps every tag that reaches a manifest or blob, in all repositories. */
  everywhere(digest: Digest, why: string): void {
    if (!this.#everywhere.has(digest)) this.#everywhere.set(digest, why);
  }

  /** Counts a repository as one that a file maps to. */
  fills({ path }: Repository): void {
    this.#paths.add(path);
  }

  /** Returns what has to stay in a repository. */
  rootsIn({ path }: Repository): KeepRoots {
    return {
      tags: this.#tags.get(path) ?? new Map(),
      digests: this.#digests.get(path) ?? new Map(),
      needed: new Map([...this.#everywhere, ...(this.#needed.get(path) ?? [])]),
    };
  }
}

/**
 * Adds what bundles and lock files have at a target: the tags that `push` gives their content, and its digests. A tag stays
 * whatever its digest is in the registry.
 * @throws AirgapError of opening; `usage` if a file does not tell the names; `reference-invalid`
 */
export async function keepFiles(kept: Kept, files: readonly KeepFile[], target: Target, emit: Emit): Promise<void> {
  for (const { file, lockFile } of files) {
    const contents = lockFile === undefined ? await readContents(file, emit) : lockContents(file, lockFile, target);
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
      kept.fills(repository);
      kept.tag(repository, tag, why);
      // A pinned image gets this tag if another one has its own.
      if (root.reference.digest !== undefined)
        kept.tag(repository, `digest-${encodedOf(root.descriptor.digest).slice(0, 12)}`, why);
      kept.digest(repository, root.descriptor.digest, why);
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

function lockContents(file: string, { charts, images }: LockFile, target: Target): Contents {
  if (usesWrittenNames(target)) {
    throw new AirgapError(
      'usage',
      `${file} does not tell how the charts write their images, on which --naming ${target.naming} depends`,
      {
        hint: `keep the bundle that was made from it, or its inventory (helm airgap inspect BUNDLE -o lock); the target is ${formatTarget(target)}`,
      },
    );
  }
  const imageRoots = images.map(({ reference, digest }) => {
    const parsed = parseReference(reference);
    return rootOf(parsed, isDigest(digest) ? digest : (parsed.digest ?? UNKNOWN));
  });
  // The digest of a chart in a lock file is that of its archive.
  const chartRoots = charts.map(({ name, version }) => rootOf(chartReference(name, version), UNKNOWN));
  return { roots: [...imageRoots, ...chartRoots], referrers: [] };
}

function rootOf(reference: Reference, digest: Digest, sourceDigest?: Digest): Root {
  const descriptor: Descriptor = { mediaType: '', digest, size: 0 };
  return { reference, descriptor, ...(sourceDigest && { sourceDigest }) };
}

function withNames(target: Target, inventory: Inventory): Target {
  return usesWrittenNames(target) ? { ...target, writtenNames: writtenNames(inventory) } : target;
}

function set<K>(maps: Map<string, Map<K, string>>, path: string, key: K, why: string): void {
  const map = maps.get(path) ?? new Map<K, string>();
  if (!map.has(key)) map.set(key, why);
  maps.set(path, map);
}
