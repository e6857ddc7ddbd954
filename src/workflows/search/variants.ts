import type { PlaceFound } from '../../discovery/index.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { mayAddOnUpgrade } from '../../helm/upgrade.ts';
import type { Profile } from './search-render.ts';

/** One way in which a profile is rendered: as an install, or as an upgrade. */
export interface Variant {
  readonly profile: Profile;
  readonly base: Render;
  /** Where references stand in the render. */
  readonly places: readonly PlaceFound[];
}

/**
 * The same profile as `helm upgrade` renders it; undefined when no template shows more then, or when it is decided already.
 */
export async function upgradeOf(renderer: Renderer, { name, options }: Profile): Promise<Profile | undefined> {
  if (options.isUpgrade !== undefined) return undefined;
  const texts = await renderer.texts();
  if (![...texts.values()].some(mayAddOnUpgrade)) return undefined;
  return { name: `${name} (upgrade)`, options: { ...options, isUpgrade: true } };
}

/** The first variant, and of each further one the places that those before it have not shown; none that shows no more. */
export function fresh<V extends Variant>(variants: readonly V[]): V[] {
  const known = new Set<string>();
  return variants.flatMap((variant, i) => {
    const places = variant.places.filter((place) => {
      const key = identityOf(place);
      return !known.has(key) && known.add(key);
    });
    return places.length === 0 && i > 0 ? [] : [{ ...variant, places }];
  });
}

/** Positions of documents differ between two renders; objects, fields and what stands there do not. */
function identityOf({ template, kind, name, path, within, reference, how }: PlaceFound): string {
  return JSON.stringify([template, kind, name, path, within, reference, how]);
}
