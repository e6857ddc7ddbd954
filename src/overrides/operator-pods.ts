import type { Render } from '../helm/render.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import { mentionsPullSecret } from './pull-secret.ts';

/**
 * Returns images of pods that the installed software creates, if the manifest that names them does not mention the pull
 * secret. Whether such pods use the secret depends on the software.
 * @param references references in each render, and images that operators choose
 */
export function operatorPodImages(
  renders: readonly Render[],
  references: readonly (readonly LocatedReference[])[],
  secret: string,
): string[] {
  const rendered = new Set(references.flat().flatMap(({ how, reference }) => (how === 'pod-spec' ? reference : [])));
  const unknown = references.flatMap((variantReferences, variantIndex) => {
    const documentsWithSecret = (renders[variantIndex]?.documents ?? []).filter(
      (document) => document.text.includes(secret) && mentionsPullSecret(document.object, secret),
    );
    const mentionsSecret = ({ template, document }: LocatedReference): boolean =>
      documentsWithSecret.some((candidate) => candidate.template === template && candidate.index === document);
    return variantReferences.filter(
      (located) => located.need === 'operand' && !rendered.has(located.reference) && !mentionsSecret(located),
    );
  });
  return [...new Set(unknown.map(({ reference }) => reference))].sort();
}
