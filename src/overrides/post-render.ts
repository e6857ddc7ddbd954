import { AirgapError } from '../base/errors.ts';
import type { PostRenderEntry, PullSecretAdded } from './post-render-map.ts';
import { applyEdits, type Edit, editsFor } from './text-edits.ts';

/** Manifests with private names, and what the map asked for besides. */
export interface PostRendered {
  readonly text: string;
  /** Entries that changed nothing. */
  readonly unused: readonly PostRenderEntry[];
  /** Whose post-renderer it was: Helm 4 gives hooks too, Helm 3 does not. */
  readonly from: 'helm3' | 'helm4';
}

/**
 * Does what a map says to the manifests that Helm gives to its post-renderer; everything else stays byte for byte.
 * Helm 3 names the template of each in a comment, Helm 4 in an annotation (which stays, since Helm takes the manifests
 * apart by it).
 * @throws AirgapError `unsupported` when no manifest says of which template it is
 */
export async function postRender(
  stream: string,
  entries: readonly PostRenderEntry[],
  pullSecret?: PullSecretAdded,
): Promise<PostRendered> {
  const from = SOURCE.test(stream) ? 'helm3' : 'helm4';
  const manifests = stream.split(SEPARATOR).map((text) => ({ text, template: templateOf(text, from) }));
  if (stream.trim() !== '' && manifests.every(({ template }) => template === undefined)) {
    throw new AirgapError('unsupported', 'the manifests do not say of which templates they are', {
      hint: 'let Helm call it, as docs/post-render.md describes, or give it the output of helm template',
    });
  }
  const used = new Set<PostRenderEntry>();
  const parts: string[] = [];
  for (const { template, text } of manifests) {
    const done = template === undefined ? undefined : await rewriteManifest(text, template, entries, pullSecret);
    for (const entry of done?.used ?? []) used.add(entry);
    parts.push(done?.text ?? text);
  }
  return { text: parts.join(''), unused: entries.filter((entry) => !used.has(entry)), from };
}

/** One manifest with the edits of those entries that are for its template, and these entries; and with the pull secret. */
export async function rewriteManifest(
  text: string,
  template: string,
  entries: readonly PostRenderEntry[],
  pullSecret?: PullSecretAdded,
): Promise<{ readonly text: string; readonly used: readonly PostRenderEntry[] }> {
  const mine = entries.filter((entry) => entry.template === template && mayHold(text, entry));
  const pods = pullSecret?.pods.filter((pod) => pod.template === template && text.includes('ontainers')) ?? [];
  if (mine.length === 0 && pods.length === 0) return { text, used: [] };
  const placed = mine.filter(({ path }) => path !== undefined);
  // The YAML library takes longer to load than all the rest, and most installs have nothing for it.
  const { manifestEdits } = placed.length === 0 ? {} : await import('./scalar-edits.ts');
  const found: (Edit & { readonly entries: readonly PostRenderEntry[] })[] = manifestEdits?.(text, placed) ?? [];
  for (const entry of mine) {
    if (entry.path === undefined) found.push(...editsFor(text, entry).map((edit) => ({ ...edit, entries: [entry] })));
  }
  const { secretEdits } = pods.length === 0 ? {} : await import('./secret-edits.ts');
  const added = secretEdits?.(text, pods, pullSecret?.name ?? '') ?? [];
  return { text: applyEdits(text, [...found, ...added]), used: [...new Set(found.flatMap((edit) => edit.entries))] };
}

/** Cheap test before parsing; what is in base64, or spelled with escapes, does not show. */
function mayHold(text: string, { from, within = '' }: PostRenderEntry): boolean {
  return text.includes(from) || text.includes('\\') || within.includes('base64');
}

/** A line of three dashes stands nowhere but between documents, not even inside of quotes (YAML 1.2.2, 9.1.2). */
const SEPARATOR = /^(?=---(?:\s|$))/m;
/** What Helm 3 writes before each manifest. */
const SOURCE = /^---\n# Source: (.*)/;
/** The annotation by which Helm 4 tells manifests apart again. */
const FILENAME =
  /(?:^|[\s{,"'])postrenderer\.helm\.sh\/postrender-filename["']?: *(?:'((?:[^']|'')*)'|"([^"]*)"|([^\s,}]+))/;

function templateOf(manifest: string, from: PostRendered['from']): string | undefined {
  if (from === 'helm3') return SOURCE.exec(manifest)?.[1];
  const [, single, double, plain] = FILENAME.exec(manifest) ?? [];
  return single?.replaceAll("''", "'") ?? double ?? plain;
}
