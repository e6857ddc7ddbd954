import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';

/** Modification time of all entries, the one that npm gives to files in packages: it must not depend on the run. */
const TIME = new Date('1985-10-26T08:15:00Z');

/**
 * Returns the gzipped tar of a folder, as a stream. Entries are in the order of their names, plugin.yaml first, without owner
 * and times of this machine. Folders have entries of their own, and no name begins with `./`: Helm 3 wants both.
 * @param {string} folder absolute path
 */
export function packFolder(folder) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort((a, b) => Number(a.includes('/')) - Number(b.includes('/')) || (a < b ? -1 : 1));
  const files = names.filter((name) => name === 'plugin.yaml').concat(names.filter((name) => name !== 'plugin.yaml'));
  return create(
    { cwd: folder, gzip: { level: 6 }, portable: true, mtime: TIME, noDirRecurse: true, noPax: true, strict: true },
    files,
  );
}
