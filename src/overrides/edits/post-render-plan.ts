import { formatFieldPath } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import { type RenderedDocument, withText } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import { findSecretHolders, holdersWithoutSecret, podsWithoutSecret } from '../additions/secret-holders.ts';
import {
  combineProofs,
  type PodWithoutSecret,
  type Proof,
  prove,
  type RenderProof,
  type UnmappedReference,
} from '../proof/proof.ts';
import { type Relocation, referencesIn } from '../proof/relocation.ts';
import { rewriteManifest } from './post-render.ts';
import { postRenderEntries } from './post-render-entries.ts';
import { type AddedPullSecret, entryKey, type PostRenderEntry, type PullSecretEntry } from './post-render-map.ts';

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

/** Maximum number of passes; more than nested texts need. */
const MAX_ROUNDS = 5;

/**
 * Determines the post-renderer's entries for unmapped references, applies them to the renders, and proves the result.
 * The entries do not depend on the Helm version; the proof is for the installed one.
 * @param renders renders of all variants with the overrides
 * @param hooks true if Helm passes hooks to its post-renderer: Helm 4 does, Helm 3 does not
 */
export async function planPostRender(
  relocation: Relocation,
  renders: readonly Render[],
  hooks: boolean,
): Promise<PostRenderPlan> {
  const { variants, target } = relocation;
  const checkDocuments = (render: Render, i: number, documents: readonly RenderedDocument[]): RenderCheck => {
    const { references, operands, staying } = variants[i] ?? variants[0];
    const after = referencesIn(relocation, { ...render, documents }, i);
    const proof = prove(references, after, documents, target, operands, staying);
    return { proof, entries: postRenderEntries(proof.unmapped, [...after, ...references], target) };
  };
  const entriesByKey = new Map<string, PostRenderEntry>();
  let used: ReadonlySet<PostRenderEntry> = new Set();
  let checks = renders.map((render, i) => checkDocuments(render, i, render.documents));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const newEntries = checks.flatMap(({ entries }) => entries).filter((entry) => !entriesByKey.has(entryKey(entry)));
    if (newEntries.length === 0) break;
    for (const entry of newEntries) entriesByKey.set(entryKey(entry), entry);
    const results = await Promise.all(
      renders.map(({ documents }) => rewriteDocuments(documents, [...entriesByKey.values()])),
    );
    used = new Set(results.flatMap((result) => result.used));
    checks = renders.map((render, i) => checkDocuments(render, i, results[i]?.documents ?? []));
  }
  const entries = [...entriesByKey.values()].filter((entry) => used.has(entry));
  const proof = combineProofs(checks.map((check) => check.proof));
  if (hooks) return { entries, proof, inHooks: [] };
  const rewritten = await Promise.all(renders.map(({ documents }) => rewriteDocuments(documents, entries, isHook)));
  const visibleProof = combineProofs(
    renders.map((render, i) => checkDocuments(render, i, rewritten[i]?.documents ?? []).proof),
  );
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

/**
 * Returns renders as the post-renderer leaves them.
 * @param hooks true if Helm passes hooks to its post-renderer
 */
export function postRendered(
  renders: readonly Render[],
  entries: readonly PostRenderEntry[],
  added: AddedPullSecret | undefined,
  hooks: boolean,
): Promise<Render[]> {
  return Promise.all(
    renders.map(async (render) => {
      const { documents } = await rewriteDocuments(render.documents, entries, hooks ? undefined : isHook);
      const withSecret = documents.map((candidate) => withPullSecretAdded(candidate, added, hooks));
      return { ...render, documents: await Promise.all(withSecret) };
    }),
  );
}

/** Reports whether a document is a hook, which Helm 3 does not pass to post-renderers. */
function isHook({ object }: RenderedDocument): boolean {
  const { annotations } = (object?.metadata ?? {}) as { annotations?: Record<string, unknown> };
  return annotations?.['helm.sh/hook'] !== undefined;
}

function unmappedKey({ reference, profile, template, path }: UnmappedReference): string {
  return [reference, profile, template, path].join('\n');
}

/** Pull secret that a post-renderer adds to pods which no value reaches. */
export interface PostRenderSecret {
  /** Undefined if every pod has the secret. */
  readonly added: AddedPullSecret | undefined;
  /** Pods that remain without the secret: in hooks, which Helm 3 does not pass to post-renderers. */
  readonly podsWithoutSecret: readonly PodWithoutSecret[];
}

/**
 * Finds pods without the secret, and checks the renders as the post-renderer would rewrite them.
 * @param renders renders with the overrides
 * @param hooks true if Helm passes hooks to its post-renderer
 */
export async function planPullSecret(
  renders: readonly Render[],
  secret: string,
  namespace: string,
  hooks: boolean,
): Promise<PostRenderSecret> {
  const pods = new Map<string, PullSecretEntry>();
  for (const { key, kind, template } of holdersWithoutSecret(findSecretHolders(renders, namespace), secret)) {
    const [variantIndex, , document, path] = JSON.parse(key) as [number, string, number, LeafPath];
    const isInHook = renders[variantIndex]?.documents.some(
      (candidate) => candidate.template === template && candidate.index === document && isHook(candidate),
    );
    const entry = {
      template,
      kind,
      path: formatFieldPath(path),
      ...(isInHook ? { hook: true as const } : {}),
    };
    pods.set(JSON.stringify(entry), entry);
  }
  const sorted = [...pods].sort(([a], [b]) => compareText(a, b)).map(([, entry]) => entry);
  const added = sorted.length === 0 ? undefined : { name: secret, pods: sorted };
  const rewritten = await Promise.all(
    renders.map(async ({ documents }) => ({
      documents: await Promise.all(documents.map((candidate) => withPullSecretAdded(candidate, added, hooks))),
    })),
  );
  return { added, podsWithoutSecret: podsWithoutSecret(findSecretHolders(rewritten, namespace), secret) };
}

async function withPullSecretAdded(
  document: RenderedDocument,
  added: AddedPullSecret | undefined,
  hooks: boolean,
): Promise<RenderedDocument> {
  const { text } = await rewriteManifest(document.text, document.template, [], added);
  // The hook check parses the document, so it comes last.
  return text === document.text || (!hooks && isHook(document)) ? document : withText(document, text);
}
