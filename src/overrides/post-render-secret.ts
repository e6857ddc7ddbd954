import { formatFieldPath } from '../base/field-path.ts';
import { type RenderedDocument, withText } from '../helm/documents.ts';
import type { Render } from '../helm/render.ts';
import type { LeafPath } from '../value-tracing/leaves.ts';
import { rewriteManifest } from './post-render.ts';
import type { AddedPullSecret, PullSecretEntry } from './post-render-map.ts';
import { isHook } from './post-render-plan.ts';
import { findSecretHolders, holdersWithoutSecret, type PodWithoutSecret, podsWithoutSecret } from './secret-holders.ts';

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
  const sorted = [...pods].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
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
