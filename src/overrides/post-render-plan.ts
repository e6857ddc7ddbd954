import { type RenderedDocument, withText } from '../helm/documents.ts';
import type { Render, Renderer } from '../helm/render.ts';
import type { Target } from '../naming/naming.ts';
import { type AnalyzedVariant, wantedReferences } from './analyzed-variants.ts';
import { rewriteManifest } from './post-render.ts';
import { postRenderEntries } from './post-render-entries.ts';
import { type AddedPullSecret, entryKey, type PostRenderEntry } from './post-render-map.ts';
import { combineProofs, type Proof, prove, type RenderProof, type UnmappedReference } from './proof.ts';

/** Work of the post-renderer for the unmapped references of a chart. */
export interface PostRenderPlan {
  readonly entries: readonly PostRenderEntry[];
  /** Proof of overrides and post-renderer together. */
  readonly proof: Proof;
  /** Unmapped references in hooks, which the installed Helm does not pass to post-renderers. */
  readonly inHooks: readonly UnmappedReference[];
  /** Pull secret for pods that no value reaches, if requested. */
  readonly pullSecret?: AddedPullSecret;
}

/** Variant of the chart, and its render with the overrides. */
export interface RenderPair {
  readonly variant: AnalyzedVariant;
  readonly after: Render;
}

/** Maximum number of passes; more than nested texts need. */
const MAX_ROUNDS = 5;

/**
 * Determines the post-renderer's entries for unmapped references, applies them to the renders, and proves the result.
 * The entries do not depend on the Helm version; the proof is for the installed one.
 * @param hooks true if Helm passes hooks to its post-renderer: Helm 4 does, Helm 3 does not
 */
export async function planPostRender(
  pairs: readonly RenderPair[],
  renderer: Renderer,
  target: Target,
  hooks: boolean,
): Promise<PostRenderPlan> {
  const checkRender = (pair: RenderPair, documents: readonly RenderedDocument[]): RenderCheck => {
    const { references, operands, profile } = pair.variant;
    const after = wantedReferences({ ...pair.after, documents }, renderer, profile);
    const proof = prove(references, after, documents, target, operands);
    return { proof, entries: postRenderEntries(proof.unmapped, [...after, ...references], target) };
  };
  const entriesByKey = new Map<string, PostRenderEntry>();
  let used: ReadonlySet<PostRenderEntry> = new Set();
  let checks = pairs.map((pair) => checkRender(pair, pair.after.documents));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const newEntries = checks.flatMap(({ entries }) => entries).filter((entry) => !entriesByKey.has(entryKey(entry)));
    if (newEntries.length === 0) break;
    for (const entry of newEntries) entriesByKey.set(entryKey(entry), entry);
    const results = await Promise.all(
      pairs.map(({ after }) => rewriteDocuments(after.documents, [...entriesByKey.values()])),
    );
    used = new Set(results.flatMap((result) => result.used));
    checks = pairs.map((pair, i) => checkRender(pair, results[i]?.documents ?? []));
  }
  const entries = [...entriesByKey.values()].filter((entry) => used.has(entry));
  const proof = combineProofs(checks.map((check) => check.proof));
  if (hooks) return { entries, proof, inHooks: [] };
  const rewritten = await Promise.all(pairs.map(({ after }) => rewriteDocuments(after.documents, entries, isHook)));
  const visibleProof = combineProofs(pairs.map((pair, i) => checkRender(pair, rewritten[i]?.documents ?? []).proof));
  const unmapped = new Set(proof.residue.map(unmappedKey));
  return {
    entries,
    proof: visibleProof,
    inHooks: visibleProof.residue.filter((entry) => !unmapped.has(unmappedKey(entry))),
  };
}

interface RenderCheck {
  readonly proof: RenderProof;
  readonly entries: readonly PostRenderEntry[];
}

/**
 * Rewrites documents as the post-renderer does, except those that it does not receive. Returns the entries that
 * matched.
 */
export async function rewriteDocuments(
  documents: readonly RenderedDocument[],
  entries: readonly PostRenderEntry[],
  isSkipped: (document: RenderedDocument) => boolean = () => false,
): Promise<{ readonly documents: readonly RenderedDocument[]; readonly used: readonly PostRenderEntry[] }> {
  const templates = new Set(entries.map(({ template }) => template));
  const results = await Promise.all(
    documents.map(async (document) => {
      if (!templates.has(document.template) || isSkipped(document)) return { document, used: [] };
      const { text, used } = await rewriteManifest(document.text, document.template, entries);
      return { document: text === document.text ? document : withText(document, text), used };
    }),
  );
  return { documents: results.map(({ document }) => document), used: results.flatMap(({ used }) => used) };
}

/** Reports whether a document is a hook, which Helm 3 does not pass to post-renderers. */
export function isHook({ object }: RenderedDocument): boolean {
  const { annotations } = (object?.metadata ?? {}) as { annotations?: Record<string, unknown> };
  return annotations?.['helm.sh/hook'] !== undefined;
}

function unmappedKey({ reference, profile, template, path }: UnmappedReference): string {
  return [reference, profile, template, path].join('\n');
}
