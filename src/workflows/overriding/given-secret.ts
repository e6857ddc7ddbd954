import { childOf, type Spot } from '../../discovery/spot.ts';
import { type RenderedDocument, withText } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import type { LeafPath } from '../../influence/leaves.ts';
import { rewriteManifest } from '../../overrides/post-render.ts';
import type { PullSecretAdded, PullSecretEntry } from '../../overrides/post-render-map.ts';
import { holdersIn, type PodWithout, podsWithout, unprovided } from '../../overrides/secret-holders.ts';
import { isHook } from './residue.ts';

/** Pull secret that a post-renderer adds to pods which no value reaches. */
export interface GivenSecret {
  /** Undefined if every pod has the secret. */
  readonly added: PullSecretAdded | undefined;
  /** Pods that remain without the secret: in hooks, which Helm 3 does not pass to post-renderers. */
  readonly without: readonly PodWithout[];
}

/**
 * Finds pods without the secret, and checks the renders as the post-renderer would rewrite them.
 * @param renders renders with the overrides
 * @param hooks true if Helm passes hooks to its post-renderer
 */
export async function giveSecret(
  renders: readonly Render[],
  secret: string,
  namespace: string,
  hooks: boolean,
): Promise<GivenSecret> {
  const pods = new Map<string, PullSecretEntry>();
  for (const { key, kind, template } of unprovided(holdersIn(renders, namespace), secret)) {
    const [way, , document, path] = JSON.parse(key) as [number, string, number, LeafPath];
    const hidden = renders[way]?.documents.some(
      (one) => one.template === template && one.index === document && isHook(one),
    );
    const entry = {
      template,
      kind,
      path: path.reduce<Spot>(childOf, { path: '' }).path,
      ...(hidden ? { hook: true as const } : {}),
    };
    pods.set(JSON.stringify(entry), entry);
  }
  const sorted = [...pods].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  const added = sorted.length === 0 ? undefined : { name: secret, pods: sorted };
  const rewritten = await Promise.all(
    renders.map(async ({ documents }) => ({
      documents: await Promise.all(documents.map((one) => given(one, added, hooks))),
    })),
  );
  return { added, without: podsWithout(holdersIn(rewritten, namespace), secret) };
}

async function given(
  document: RenderedDocument,
  added: PullSecretAdded | undefined,
  hooks: boolean,
): Promise<RenderedDocument> {
  const { text } = await rewriteManifest(document.text, document.template, [], added);
  // The hook check parses the document, so it comes last.
  return text === document.text || (!hooks && isHook(document)) ? document : withText(document, text);
}
