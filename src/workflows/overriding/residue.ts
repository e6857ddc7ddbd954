import { type RenderedDocument, withText } from '../../helm/documents.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import type { Target } from '../../oci/naming.ts';
import { rewriteManifest } from '../../overrides/post-render.ts';
import { keyOf, type PostRenderEntry, type PullSecretAdded } from '../../overrides/post-render-map.ts';
import { type Proof, prove, type RenderProof, type Residue, together } from '../../overrides/proof.ts';
import { entriesFor } from '../../overrides/residue-entries.ts';
import { type Shown, surePlaces } from './shown.ts';

/** What a post-renderer does about the residue of a chart's overrides. */
export interface PostRendering {
  readonly entries: readonly PostRenderEntry[];
  /** Of overrides and post-renderer together. */
  readonly proof: Proof;
  /** Residue that it could move, in hooks, which the Helm at hand does not give to it. */
  readonly hidden: readonly Residue[];
  /** The secret for pods that no value gives it to, when one is asked for. */
  readonly pullSecret?: PullSecretAdded;
}

/** One way in which the chart is rendered, before and with the overrides. */
export interface Pair {
  readonly shown: Shown;
  readonly after: Render;
}

/** More rounds than texts within texts need. */
const ROUNDS = 5;

/**
 * Finds out what a post-renderer has to do about what the overrides leave public, does it to the renders, and proves the
 * two together. The entries are the same for every Helm; the proof is for the one at hand.
 * @param hooks whether Helm gives hooks to its post-renderer: Helm 4 does, Helm 3 does not
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

/** The documents as the post-renderer leaves them, but for those that it does not see; and the entries that changed something. */
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

/** Whether Helm 3 keeps a document from its post-renderer. */
export function isHook({ object }: RenderedDocument): boolean {
  const { annotations } = (object?.metadata ?? {}) as { annotations?: Record<string, unknown> };
  return annotations?.['helm.sh/hook'] !== undefined;
}

function identityOf({ reference, profile, template, path }: Residue): string {
  return [reference, profile, template, path].join('\n');
}
