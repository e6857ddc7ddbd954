import { AirgapError } from '../../base/errors.ts';
import { applyEdits, type TextEdit } from '../../base/text-edits.ts';
import type { AddedPullSecret, PostRenderEntry } from './post-render-map.ts';
import { replacementEdits } from './replacement-edits.ts';

/** Rewritten manifests. */
export interface PostRenderResult {
  readonly text: string;
  /** Entries that matched nothing. */
  readonly unused: readonly PostRenderEntry[];
  /** Helm version that called the post-renderer: Helm 4 passes hooks too, Helm 3 does not. */
  readonly caller: 'helm3' | 'helm4';
}

/**
 * Applies the entries of a map to the manifests that Helm passes to its post-renderer; all other bytes are unchanged.
 * Helm 3 names each manifest's template in a comment, Helm 4 in an annotation. The annotation is kept, because Helm
 * splits the output by it.
 * @throws AirgapError `unsupported` if no manifest names its template
 */
export async function postRender(
  stream: string,
  entries: readonly PostRenderEntry[],
  pullSecret?: AddedPullSecret,
): Promise<PostRenderResult> {
  const caller = SOURCE.test(stream) ? 'helm3' : 'helm4';
  const manifests = stream.split(SEPARATOR).map((text) => ({ text, template: templateOf(text, caller) }));
  if (stream.trim() !== '' && manifests.every(({ template }) => template === undefined)) {
    throw new AirgapError('unsupported', 'the manifests do not name their templates', {
      hint: 'let Helm run the post-renderer (docs/post-render.md), or pass it the output of helm template',
    });
  }
  const used = new Set<PostRenderEntry>();
  const parts: string[] = [];
  for (const { template, text } of manifests) {
    const rewritten = template === undefined ? undefined : await rewriteManifest(text, template, entries, pullSecret);
    for (const entry of rewritten?.used ?? []) used.add(entry);
    parts.push(rewritten?.text ?? text);
  }
  return { text: parts.join(''), unused: entries.filter((entry) => !used.has(entry)), caller };
}

/** Applies the entries for one template, and the pull secret, to a manifest; returns the entries that matched. */
export async function rewriteManifest(
  text: string,
  template: string,
  entries: readonly PostRenderEntry[],
  pullSecret?: AddedPullSecret,
): Promise<{ readonly text: string; readonly used: readonly PostRenderEntry[] }> {
  const matching = entries.filter((entry) => entry.template === template && mayContain(text, entry));
  const pods = pullSecret?.pods.filter((pod) => pod.template === template && text.includes('ontainers')) ?? [];
  if (matching.length === 0 && pods.length === 0) return { text, used: [] };
  const withPath = matching.filter(({ path }) => path !== undefined);
  // Loading the YAML library takes longer than everything else, and most manifests do not need it.
  const { manifestEdits } = withPath.length === 0 ? {} : await import('./scalar-edits.ts');
  const found: (TextEdit & { readonly entries: readonly PostRenderEntry[] })[] = manifestEdits?.(text, withPath) ?? [];
  for (const entry of matching) {
    if (entry.path === undefined)
      found.push(...replacementEdits(text, entry).map((edit) => ({ ...edit, entries: [entry] })));
  }
  const { manifestSecretEdits } = pods.length === 0 ? {} : await import('./secret-edits.ts');
  const added = manifestSecretEdits?.(text, pods, pullSecret?.name ?? '') ?? [];
  return { text: applyEdits(text, [...found, ...added]), used: [...new Set(found.flatMap((edit) => edit.entries))] };
}

/** Checks cheaply before parsing. Text in base64 or with escapes cannot be ruled out this way. */
function mayContain(text: string, { from, within = '' }: PostRenderEntry): boolean {
  return text.includes(from) || text.includes('\\') || within.includes('base64');
}

/** A line of three dashes always separates documents, even inside quotes (YAML 1.2.2, 9.1.2). */
const SEPARATOR = /^(?=---(?:\s|$))/m;
/** Comment that Helm 3 writes before each manifest. */
const SOURCE = /^---\n# Source: (.*)/;
/** Annotation by which Helm 4 splits the post-rendered manifests again. */
const FILENAME =
  /(?:^|[\s{,"'])postrenderer\.helm\.sh\/postrender-filename["']?: *(?:'((?:[^']|'')*)'|"([^"]*)"|([^\s,}]+))/;

function templateOf(manifest: string, caller: PostRenderResult['caller']): string | undefined {
  if (caller === 'helm3') return SOURCE.exec(manifest)?.[1];
  const [, single, double, plain] = FILENAME.exec(manifest) ?? [];
  return single?.replaceAll("''", "'") ?? double ?? plain;
}
