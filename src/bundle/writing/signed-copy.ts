import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, type FileHandle, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { createOwnFile, openOwnFile, refuseForeignFile, SECRET_FILE } from '../../base/own-file.ts';
import { TAR_BLOCK } from '../../base/tar-header.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { asWriteError } from '../files/errors.ts';
import { openRandomFile, type RandomFile, singleFile } from '../files/random-file.ts';
import { writeAll } from '../files/ranges.ts';
import { blobName, headerOffset, TAR_END_SIZE, tarHeader } from '../format/layout.ts';
import { indexFile } from '../format/metadata.ts';
import type { TarEntry } from '../format/tar-index.ts';
import type { Bundle } from '../reading/bundle.ts';
import type { Signature } from '../signing/detached.ts';
import { signatureArtifact } from '../signing/signature.ts';
import { syncFolder } from './partial-file.ts';
import { copyRange } from './resume-state.ts';

/** How a bundle becomes the same one with other signatures. */
export interface SignedCopyPlan {
  /** Size of the new file in bytes. */
  readonly size: number;
  /** Ranges of the old file, and their offsets in the new one. */
  readonly copies: readonly { readonly from: number; readonly to: number; readonly size: number }[];
  readonly writes: readonly { readonly position: number; readonly bytes: Uint8Array }[];
}

/**
 * Plans a bundle with these signatures in place of those that it contains. The index has another length if the bundle had
 * none; all that follows moves then. Otherwise only the index and the end of the file change.
 * @param bundle of one file, packed by this tool
 * @param included signatures that it contains
 */
export async function planSignedCopy(
  bundle: Bundle,
  included: readonly Signature[],
  signatures: readonly Signature[],
): Promise<SignedCopyPlan> {
  const { descriptor, content, own } = signatureArtifact(signatures);
  const { inventoryDigest, signature, indexEntry } = bundle;
  const inventory = await bundle.manifest({ registry: '', path: '' }, inventoryDigest as Digest);
  const index = indexFile(bundle.images(), bundle.charts(), inventory.descriptor, bundle.referrers(), descriptor);
  const replaced = new Set<Digest>([
    ...included.map(({ payload }) => digestOf(payload)),
    ...(signature === undefined ? [] : [signature.digest]),
  ]);
  const kept = [...bundle.entries].sort(([, a], [, b]) => a.offset - b.offset);
  while (kept.length > 0 && replaced.has(kept.at(-1)?.[0] as Digest)) kept.pop();

  const indexStart = indexEntry.offset - TAR_BLOCK;
  const packedIndex = tarEntry('index.json', index);
  const copies = [{ from: 0, to: 0, size: indexStart }];
  let position = indexStart + packedIndex.length;
  const copyUntil = (from: number, end: number): void => {
    if (end > from) copies.push({ from, to: position, size: end - from });
    position += end - from;
  };
  let from = endOf(indexEntry);
  // Older versions sorted signatures among the other blobs.
  const inner = signature && kept.find(([digest]) => digest === signature.digest);
  if (inner !== undefined) {
    const [digest, entry] = inner;
    copyUntil(from, headerOffset({ ...entry, digest }));
    from = endOf(entry);
  }
  copyUntil(from, endOf(kept.at(-1)?.[1] ?? indexEntry));

  const keptDigests = new Set(kept.filter((entry) => entry !== inner).map(([digest]) => digest));
  const added = own
    .filter((digest) => !keptDigests.has(digest))
    .map((digest) => {
      const bytes = content.manifests.get(digest)?.bytes ?? content.blobs.get(digest)?.bytes;
      return tarEntry(blobName(digest), bytes as Uint8Array);
    });
  const tail = Buffer.concat([...added, Buffer.alloc(TAR_END_SIZE)]);
  const writes = [
    { position: indexStart, bytes: packedIndex },
    { position, bytes: tail },
  ];
  return { size: position + tail.length, copies, writes };
}

/** Returns the end of a file's content in an archive, with its padding. */
function endOf({ offset, size }: TarEntry): number {
  return offset + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

/** Returns header, content and padding of a file in an archive. */
function tarEntry(name: string, bytes: Uint8Array): Buffer {
  const padding = Math.ceil(bytes.length / TAR_BLOCK) * TAR_BLOCK - bytes.length;
  return Buffer.concat([tarHeader(name, bytes.length), bytes, Buffer.alloc(padding)]);
}

export interface SignedCopyOptions {
  /** State of the file before it was opened, by which a change is noticed. */
  readonly before?: Stats | undefined;
  /** Called before anything is copied byte by byte. */
  readonly check: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Replaces a bundle by its signed copy. The copy is complete and on the disk before it gets the name of the bundle, so a
 * run that is killed leaves the old file. If nothing moves and the file system can share blocks between files (XFS, Btrfs),
 * the copy takes no time and hardly any space.
 * @throws AirgapError `no-space`, `file`, `interrupted`; `output-exists` if the bundle was changed meanwhile; errors of `check`
 */
export async function writeSignedCopy(
  bundle: Bundle,
  plan: SignedCopyPlan,
  { check, signal, ...options }: SignedCopyOptions,
): Promise<void> {
  const path = await realpath(bundle.path);
  const temporary = `${path}.signing`;
  await refuseForeignFile(temporary);
  try {
    await rm(temporary, { force: true });
    const before = options.before ?? (await stat(path));
    const isCloned = plan.copies.every(({ from, to }) => from === to) && (await clone(path, temporary));
    if (!isCloned) await checkSpace(path, plan.size);
    await check();
    const mode = before.mode & 0o7777;
    const open = () => (isCloned ? openOwnFile(temporary, 'r+') : createOwnFile(temporary, SECRET_FILE));
    const target = await openRandomFile(singleFile(temporary), async () => withOwner(await open(), before));
    try {
      if (!isCloned) await copyRanges(bundle, target, plan, signal);
      await target.truncate(plan.size);
      for (const { position, bytes } of plan.writes) await writeAll(target, [bytes], position);
      await target.sync();
    } finally {
      await target.close();
    }
    await chmod(temporary, mode);
    if (hasChanged(before, await stat(path))) {
      throw new AirgapError('output-exists', `${bundle.path} was changed while it was being signed`, {
        hint: 'nothing was written: run the same command again when nothing else changes the file',
      });
    }
    await rename(temporary, path);
  } catch (error) {
    throw asWriteError(error);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

/** Copies a file by sharing its blocks. Returns false if the file system cannot. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    // The copy has the mode of the bundle, which may be read-only.
    await chmod(to, SECRET_FILE);
    return true;
  } catch {
    await rm(to, { force: true });
    return false;
  }
}

async function checkSpace(path: string, neededBytes: number): Promise<void> {
  const folder = dirname(path);
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new AirgapError(
    'no-space',
    `the signed copy of the bundle needs ${neededBytes} bytes, but ${folder} has ${freeBytes} bytes of free space`,
    { hint: 'free some space, or write the signature into a file beside the bundle with --detached' },
  );
}

async function copyRanges(
  { fileParts }: Bundle,
  target: RandomFile,
  { copies }: SignedCopyPlan,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = await openRandomFile(fileParts, 'r');
  try {
    for (const { from, to, size } of copies) await copyRange(source, from, target, to, size, signal);
  } finally {
    await source.close();
  }
}

/** Gives a file the owner of another one, as root can; with sudo, it would belong to root. */
async function withOwner(file: FileHandle, { uid, gid }: Stats): Promise<FileHandle> {
  // Some file systems have no owners.
  if (process.getuid?.() === 0) await file.chown(uid, gid).catch(() => {});
  return file;
}

function hasChanged(before: Stats, after: Stats): boolean {
  return (['ino', 'size', 'mtimeMs', 'ctimeMs'] as const).some((field) => before[field] !== after[field]);
}
