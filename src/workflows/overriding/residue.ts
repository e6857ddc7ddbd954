import { type RenderedDocument, withText } from '../../helm/documents.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import type { Target } from '../../oci/naming.ts';
import { rewriteManifest } from '../../overrides/post-render.ts';
import { keyOf, type PostRenderEntry, type PullSecretAdded } from '../../overrides/post-render-map.ts';
import { type Proof, prove, type RenderProof, type Residue, together } from '../../overrides/proof.ts';
import { entriesFor } from '../../overrides/residue-entries.ts';
import { type Shown, surePlaces } from './shown.ts';

/** Work of the post-renderer for the unmapped references of a chart. */
export interface PostRendering {
  readonly entries: readonly PostRenderEntry[];
  /** Proof of overrides and post-renderer together. */
  readonly proof: Proof;
  /** Unmapped references in hooks, which the installed Helm does not pass to post-renderers. */
  readonly hidden: readonly Residue[];
  /** Pull secret for pods that no value reaches, if requested. */
  readonly pullSecret?: PullSecretAdded;
}

/** Variant of the chart, and its render with the overrides. */
export interface Pair {
  readonly shown: Shown;
  readonly after: Render;
}

/** Maximum number of passes; more than nested texts need. */
const ROUNDS = 5;

/**
 * Determines the post-renderer's entries for unmapped references, applies them to the renders, and proves the result.
 * The entries do not depend on the Helm version; the proof is for the installed one.
 * @param hooks true if Helm passes hooks to its post-renderer: Helm 4 does, Helm 3 does not
 */
export async function moveResidue(
  pairs: readonly Pair[],
  renderer: Renderer,
  target: Target,
  hooks: boolean,
): Promise<PostRendering> {
  const look = (pair: Pair, documents: readonly RenderedDocument[]): Look => {
    const { places, chosen, profile } = pair.shown;
    const after = surePlaces({ ...pair.after, documents }, renderer, profile);
    const proof = prove(places, after, documents, target, chosen);
    return { proof, entries: entriesFor(proof.residue, [...after, ...places], target) };
  };
  const all = new Map<string, PostRenderEntry>();
  let used: ReadonlySet<PostRenderEntry> = new Set();
  let looks = pairs.map((pair) => look(pair, pair.after.documents));
  for (let round = 0; round < ROUNDS; round += 1) {
    const more = looks.flatMap(({ entries }) => entries).filter((entry) => !all.has(keyOf(entry)));
    if (more.length === 0) break;
    for (const entry of more) all.set(keyOf(entry), entry);
    const done = await Promise.all(pairs.map(({ after }) => rewrite(after.documents, [...all.values()])));
    used = new Set(done.flatMap((one) => one.used));
    looks = pairs.map((pair, i) => look(pair, done[i]?.documents ?? []));
  }
  const entries = [...all.values()].filter((entry) => used.has(entry));
  const proof = together(looks.map((one) => one.proof));
  if (hooks) return { entries, proof, hidden: [] };
  const seen = await Promise.all(pairs.map(({ after }) => rewrite(after.documents, entries, isHook)));
  const own = together(pairs.map((pair, i) => look(pair, seen[i]?.documents ?? []).proof));
  const left = new Set(proof.residue.map(identityOf));
  return { entries, proof: own, hidden: own.residue.filter((one) => !left.has(identityOf(one))) };
}

interface Look {
  readonly proof: RenderProof;
  readonly entries: readonly PostRenderEntry[];
}

/**
 * Rewrites documents as the post-renderer does, except those that it does not receive. Returns the entries that
 * matched.
 */
export async function rewrite(
  documents: readonly RenderedDocument[],
  entries: readonly PostRenderEntry[],
  isUnseen: (document: RenderedDocument) => boolean = () => false,
): Promise<{ readonly documents: readonly RenderedDocument[]; readonly used: readonly PostRenderEntry[] }> {
  const templates = new Set(entries.map(({ template }) => template));
  const done = await Promise.all(
    documents.map(async (document) => {
      if (!templates.has(document.template) || isUnseen(document)) return { document, used: [] };
      const { text, used } = await rewriteManifest(document.text, document.template, entries);
      return { document: text === document.text ? document : withText(document, text), used };
    }),
  );
  return { documents: done.map(({ document }) => document), used: done.flatMap(({ used }) => used) };
}

/** Reports whether a document is a hook, which Helm 3 does not pass to post-renderers. */
export function isHook({ object }: RenderedDocument): boolean {
  const { annotations } = (object?.metadata ?? {}) as { annotations?: Record<string, unknown> };
  return annotations?.['helm.sh/hook'] !== undefined;
}

function identityOf({ reference, profile, template, path }: Residue): string {
  return [reference, profile, template, path].join('\n');
}
