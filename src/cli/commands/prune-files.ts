import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { checkOutput } from '../../base/output-file.ts';
import type { FilledEvidence } from '../../workflows/prune/filled.ts';
import type { KeepFile } from '../../workflows/prune/kept-files.ts';

/** Bytes from which a kind of file is told. */
const HEAD_SIZE = 4096;

/**
 * Returns the bundles, inventories, lock files and plans of a flag; lock files are read.
 * @throws AirgapError `file` if one cannot be read, `config` for an invalid lock file
 */
export async function keepFilesOf(files: readonly string[], flag: string, cwd: string): Promise<readonly KeepFile[]> {
  const kept: KeepFile[] = [];
  for (const file of new Set(files)) kept.push(await keepFile(file, flag, cwd));
  return kept;
}

/** Returns the evidence of `--filled-by`: bundles, inventories, lock files and receipts of pushes. */
export async function filledBy(files: readonly string[], cwd: string): Promise<FilledEvidence> {
  const receipts: string[] = [];
  const others: string[] = [];
  for (const file of files) {
    const isReceipt = /"kind":\s*"Receipt"/.test(await headOf(resolve(cwd, file), '--filled-by', file));
    if (isReceipt) receipts.push(resolve(cwd, file));
    else others.push(file);
  }
  return { files: await keepFilesOf(others, '--filled-by', cwd), receipts };
}

async function keepFile(file: string, flag: string, cwd: string): Promise<KeepFile> {
  const path = resolve(cwd, file);
  const head = await headOf(path, flag, file);
  if (/^\s*\{/.test(head) && /"kind":\s*"MirrorPlan"/.test(head)) return { file: path, isMirrorPlan: true };
  if (!isLockFile(head)) return { file: path };
  const { readLockFile } = await import('../config/read.ts');
  return { file: path, lockFile: await readLockFile(path, flag) };
}

/** A text that is not JSON is a lock file in YAML; of JSON, the kind tells. A bundle has zeros in the header of its archive. */
function isLockFile(head: string): boolean {
  if (/^\s*\{/.test(head)) return /"kind":\s*"LockFile"/.test(head);
  return !head.includes('\0') && /^(?:#|---|apiVersion:|kind:)/.test(head.trimStart());
}

/** Returns the beginning of a file; empty if there is none of that name, as for the common name of parts. */
async function headOf(path: string, flag: string, shown: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile()) return '';
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new AirgapError('file', `${flag} ${shown} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_SIZE), 0, HEAD_SIZE, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * Refuses to replace a file: a list may have been edited, and a receipt says what is gone.
 * @throws AirgapError `output-exists`, `usage`, `file`
 */
export async function refuseExisting(path: string, flag: string): Promise<void> {
  await checkOutput(path, flag);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size === 0) return;
  throw new AirgapError('output-exists', `${path} already exists`, {
    hint: `choose another path with ${flag}, or delete that file: lists and receipts are not replaced`,
  });
}

/** @throws AirgapError `config` if a file holds no text, such as a bundle that was given by mistake */
export async function checkText(path: string, flag: string, shown: string): Promise<void> {
  if (!(await headOf(path, flag, shown)).includes('\0')) return;
  throw new AirgapError('config', `${flag} ${shown} is not a list`, {
    hint: 'use a list written by helm airgap prune --out',
  });
}
