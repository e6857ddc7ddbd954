import type { PlaceFound } from '../../discovery/index.ts';
import type { Render } from '../../helm/render.ts';
import { tellsOfSecret } from '../../overrides/pull-secret.ts';

/**
 * Images of pods that the installed software makes by itself, where the manifest that tells it of them tells it nothing of
 * the pull secret. Whether such pods have it depends on the software.
 * @param places where images stand in each of the renders, and which ones operators choose
 */
export function ownPods(
  renders: readonly Render[],
  places: readonly (readonly PlaceFound[])[],
  secret: string,
): string[] {
  const rendered = new Set(places.flat().flatMap(({ how, reference }) => (how === 'pod-spec' ? reference : [])));
  const open = places.flatMap((some, way) => {
    const told = (renders[way]?.documents ?? []).filter(
      (document) => document.text.includes(secret) && tellsOfSecret(document.object, secret),
    );
    const isTold = ({ template, document }: PlaceFound): boolean =>
      told.some((one) => one.template === template && one.index === document);
    return some.filter((place) => place.need === 'operand' && !rendered.has(place.reference) && !isTold(place));
  });
  return [...new Set(open.map(({ reference }) => reference))].sort();
}
