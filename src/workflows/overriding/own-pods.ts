import type { PlaceFound } from '../../discovery/index.ts';
import type { Render } from '../../helm/render.ts';
import { tellsOfSecret } from '../../overrides/pull-secret.ts';

/**
 * Returns images of pods that the installed software creates, if the manifest that names them does not mention the pull
 * secret. Whether such pods use the secret depends on the software.
 * @param locations references in each render, and images that operators choose
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
