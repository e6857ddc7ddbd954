import { type LockFile, lockFileSchema } from '../../inventory/lock-file.ts';
import { readDocument } from './document.ts';

/**
 * Reads a lock file.
 * @param flag that names the file, for the hint
 * @throws AirgapError `config` with file, line and column of each problem
 */
export function readLockFile(path: string, flag: string): Promise<LockFile> {
  const hint = 'docs/lock-file.md describes the format; helm airgap images … --lock writes a new file';
  return readDocument(path, { schema: lockFileSchema, flag, hint });
}
