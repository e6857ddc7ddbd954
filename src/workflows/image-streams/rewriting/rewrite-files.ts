import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type EditableFile, readEditable } from '../../../base/editable-file.ts';
import { AirgapError, combine } from '../../../base/errors.ts';
import { compareText } from '../../../base/text-order.ts';
import { changedFiles, refuseExistingPatch, writeWithUndo } from '../../../base/undo-patch.ts';
import { isRefusal } from '../../../helm/yaml-source.ts';
import { type ManifestSource, readManifestFiles } from '../../../manifests/index.ts';
import type { RemainingReference, RewriteRules } from '../../../openshift/index.ts';
import type { Context } from '../../../session/context.ts';
import { type RewrittenText, rewriteText } from './rewrite-text.ts';

export interface RewriteOptions {
  /** Files and folders of exported objects. */
  readonly sources: readonly ManifestSource<'manifests'>[];
  readonly rules: RewriteRules;
  /** Shows what would be written. */
  readonly isDryRun: boolean;
  /** Path of the patch that takes the changes back (absolute). */
  readonly undo: string;
}

/** A line that changes. */
interface RewrittenLine {
  /** Absolute. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly object: string;
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface RewriteResult {
  readonly isDryRun: boolean;
  readonly rewrites: readonly RewrittenLine[];
  /** What still refers to the source, in fields that are not rewritten. */
  readonly left: readonly (RemainingReference & { readonly file: string })[];
  /** Absolute paths of the changed files, sorted. */
  readonly files: readonly string[];
  /** Folder in which the undo patch applies (absolute), and its path; absent if nothing was written. */
  readonly undo?: { readonly folder: string; readonly path: string };
}

/** Maximum bytes of a file: a list of 4 MB took 10 s and 780 MB. */
const FILE_LIMIT = 8 * 1024 ** 2;

/**
 * Rewrites registries and namespaces in files of exported objects. All files are written, or none.
 * @throws AirgapError `config` for each file that is not YAML; `file` for each that cannot be changed in place; `output-exists`
 *   for the undo patch; `usage`, `no-space`
 */
export async function rewriteFiles(
  context: Pick<Context, 'emit' | 'cwd'>,
  { sources, rules, isDryRun, undo }: RewriteOptions,
): Promise<RewriteResult> {
  const paths = await filesOf(context, sources);
  const changed = new Map<string, { readonly before: string; readonly result: RewrittenText }>();
  const errors: AirgapError[] = [];
  for (const path of paths) {
    const before = await readEditable(path, FILE_LIMIT);
    const result = rewriteOrError(path, before, rules);
    if (result instanceof AirgapError) errors.push(result);
    else if (typeof before === 'string' && result !== undefined) changed.set(path, { before, result });
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} files cannot be rewritten, so nothing was written`);
  const texts = new Map(
    [...changed].flatMap(([path, { before, result }]) =>
      before === result.text ? [] : [[path, { before, after: result.text }] as const],
    ),
  );
  const { folder, changes } = changedFiles(texts, context.cwd);
  const isWritten = !isDryRun && texts.size > 0;
  if (isWritten) {
    refuseExistingPatch(undo);
    await writeWithUndo(undo, { folder, changes });
  }
  return {
    isDryRun,
    rewrites: [...changed].flatMap(([file, { result }]) =>
      result.rewrites.flatMap(({ object, path, shown }) => shown.map((one) => ({ file, object, path, ...one }))),
    ),
    left: [...changed].flatMap(([file, { result }]) => result.left.map((one) => ({ file, ...one }))),
    files: [...texts.keys()],
    ...(isWritten && { undo: { folder, path: undo } }),
  };
}

/** Returns the absolute paths of the files, sorted. A link to one of them is left out. */
async function filesOf(
  context: Pick<Context, 'emit'>,
  sources: readonly ManifestSource<'manifests'>[],
): Promise<string[]> {
  const paths = new Map<string, string>();
  for (const source of sources) {
    const files = await readManifestFiles(source, context.emit);
    const isFolder = (await stat(source.path)).isDirectory();
    for (const file of files) {
      const path = isFolder ? join(source.path, file.path) : source.path;
      const real = await realpath(path);
      if (real === path || !paths.has(real)) paths.set(real, path);
    }
  }
  return [...paths.values()].sort(compareText);
}

/** Returns undefined for a file that does not name the source. */
function rewriteOrError(
  path: string,
  text: EditableFile,
  rules: RewriteRules,
): RewrittenText | AirgapError | undefined {
  const hint = 'mend the file, or move it out of the folder; nothing was written';
  if (typeof text !== 'string') {
    return new AirgapError('file', `cannot be changed in place: ${text.reason}`, { subject: path, hint });
  }
  if (!mayNameSource(text, rules)) return undefined;
  const result = rewriteText(text, rules);
  if (!isRefusal(result)) return result;
  return new AirgapError('config', result.reason, { subject: `${path}, line ${result.line}`, hint });
}

/** Cheap check before parsing: escapes may hide a name. */
function mayNameSource(text: string, { rewriter, renamed }: RewriteRules): boolean {
  return (
    text.includes('\\') || rewriter.mentionsSource(text) || [...renamed.keys()].some((name) => text.includes(name))
  );
}
