import type { WrittenFormat } from '../list-format.ts';
import { haulerList } from './hauler.ts';
import { shellList } from './shell.ts';
import { skopeoSyncList } from './skopeo-sync.ts';
import type { WrittenList } from './written-list.ts';
import { zarfList } from './zarf.ts';

export { chartAt, type WrittenList } from './written-list.ts';

const WRITERS: Readonly<Record<WrittenFormat, (list: WrittenList) => string>> = {
  shell: shellList,
  hauler: haulerList,
  zarf: zarfList,
  'skopeo-sync': skopeoSyncList,
};

/** Writes a list of charts and images for another tool. {@link readList} reads it again. */
export function writeList(format: WrittenFormat, list: WrittenList): string {
  return WRITERS[format](list);
}
