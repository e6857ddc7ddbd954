import {
  type BundleDifference,
  type Compared,
  comparedBundle,
  comparedLock,
  differenceOf,
} from '../bundle/difference.ts';
import { openBundle } from '../bundle/read.ts';
import { readExportedLock } from '../lock/exported.ts';

export interface Diff extends BundleDifference {
  readonly old: BundleFile;
  readonly new: BundleFile;
}

export interface BundleFile {
  readonly file: string;
  /** Bytes of the bundle. */
  readonly size: number;
}

/**
 * What is different between two bundles. Either may be the file that stands for one (lock/exported.ts).
 * @throws AirgapError `file`, `bundle-invalid`
 */
export async function diff(oldFile: string, newFile: string): Promise<Diff> {
  const older = await read(oldFile);
  const newer = await read(newFile);
  return { old: older.file, new: newer.file, ...differenceOf(older.compared, newer.compared) };
}

async function read(path: string): Promise<{ readonly file: BundleFile; readonly compared: Compared }> {
  const exported = await readExportedLock(path);
  if (exported !== undefined) return { file: { file: path, size: exported.size }, compared: comparedLock(exported) };
  const bundle = await openBundle(path);
  try {
    return { file: { file: bundle.path, size: bundle.size }, compared: comparedBundle(bundle) };
  } finally {
    await bundle.close();
  }
}
