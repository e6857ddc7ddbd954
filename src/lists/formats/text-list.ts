import type { ListCollector } from '../content.ts';
import { takeEntry } from '../rows.ts';

/** Reads a list with one entry in each line; `#` at the start of a word begins a comment. */
export function readTextList(text: string, collector: ListCollector): void {
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/(?:^|\s)#.*/, '');
    takeEntry(entry, undefined, i + 1, collector);
  }
}
