/** A file whose text changes, line by line: both texts have the same number of lines. */
export interface FileChange {
  /** Path relative to the folder in which the patch is applied, with slashes. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Unchanged lines around a change. */
const CONTEXT = 3;

/**
 * Formats changes as a patch for `git apply` and `patch -p1`. It has no `diff --git` lines: with them, git would take the paths
 * as relative to the repository's root, not to the working folder.
 */
export function unifiedDiff(changes: readonly FileChange[]): string {
  return changes.map(fileDiff).join('');
}

/** Returns the patch that takes the changes back. */
export function undoPatch(changes: readonly FileChange[]): string {
  return unifiedDiff(changes.map(({ path, before, after }) => ({ path, before: after, after: before })));
}

function fileDiff({ path, before, after }: FileChange): string {
  const [old, changed] = [linesOf(before), linesOf(after)];
  const differing = old.flatMap((line, i) => (line === changed[i] ? [] : [i]));
  if (differing.length === 0) return '';
  const head = `--- ${patchName('a', path)}\n+++ ${patchName('b', path)}\n`;
  return (
    head +
    hunksOf(differing, old.length)
      .map((hunk) => formatHunk(hunk, old, changed))
      .join('')
  );
}

/** Lines with their ends; only the last one may lack it. */
function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

interface Hunk {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

function hunksOf(differing: readonly number[], total: number): Hunk[] {
  const hunks: { start: number; end: number }[] = [];
  for (const line of differing) {
    const last = hunks.at(-1);
    const end = Math.min(line + CONTEXT + 1, total);
    if (last !== undefined && line - CONTEXT <= last.end) last.end = end;
    else hunks.push({ start: Math.max(line - CONTEXT, 0), end });
  }
  return hunks;
}

function formatHunk({ start, end }: Hunk, old: readonly string[], changed: readonly string[]): string {
  const out = [`@@ -${start + 1},${end - start} +${start + 1},${end - start} @@\n`];
  let removed: string[] = [];
  let added: string[] = [];
  const flush = (): void => {
    out.push(...removed, ...added);
    [removed, added] = [[], []];
  };
  for (let i = start; i < end; i++) {
    const [before = '', after = ''] = [old[i], changed[i]];
    if (before === after) {
      flush();
      out.push(patchLine(' ', before));
    } else {
      removed.push(patchLine('-', before));
      added.push(patchLine('+', after));
    }
  }
  flush();
  return out.join('');
}

function patchLine(sign: string, line: string): string {
  return line.endsWith('\n') ? sign + line : `${sign}${line}\n\\ No newline at end of file\n`;
}

/** Formats a file name as git does: quoted if it has unusual characters, followed by a tab if it has spaces. */
function patchName(side: 'a' | 'b', path: string): string {
  const name = `${side}/${path}`;
  if (/^[\x21\x23-\x5b\x5d-\x7e]*$/.test(name)) return name;
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(name)) return `${name}\t`;
  const bytes = [...Buffer.from(name)].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  });
  return `"${bytes.join('')}"`;
}
