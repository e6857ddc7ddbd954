import { type BundleDifference, differenceOf } from '../bundle/difference.ts';
import { openBundle } from '../bundle/read.ts';

export interface Diff extends BundleDifference {
  readonly old: BundleFile;
  readonly new: BundleFile;
}

export interface BundleFile {
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
}

/** What is different between two bundles. @throws AirgapError `file`, `bundle-invalid` */
export async function diff(oldFile: string, newFile: string): Promise<Diff> {
  const older = await openBundle(oldFile);
  try {
    const newer = await openBundle(newFile);
    try {
      return {
        old: { file: older.path, size: older.size },
        new: { file: newer.path, size: newer.size },
        ...differenceOf(older, newer),
      };
    } finally {
      await newer.close();
    }
  } finally {
    await older.close();
  }
}
