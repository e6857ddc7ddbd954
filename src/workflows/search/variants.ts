import type { PlaceFound } from '../../discovery/index.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { mayAddOnUpgrade } from '../../helm/upgrade.ts';
import type { Profile } from './search-render.ts';

/** One render variant of a profile: install or upgrade. */
export interface Variant {
  readonly profile: Profile;
  readonly base: Render;
  /** The references of the render. */
  readonly places: readonly PlaceFound[];
}

/**
 * Returns the profile as `helm upgrade` renders it; undefined if no template renders more for an upgrade, or if the
 * profile already determines it.
 */
export async function upgradeOf(renderer: Renderer, { name, options }: Profile): Promise<Profile | undefined> {
  if (options.isUpgrade !== undefined) return undefined;
  const texts = await renderer.texts();
  if (![...texts.values()].some(mayAddOnUpgrade)) return undefined;
  return { name: `${name} (upgrade)`, options: { ...options, isUpgrade: true } };
}

/**
 * Returns the first variant, and the further ones with only the references that earlier ones do not have. Variants that
 * add none are omitted.
 */
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

/** Document indexes differ between two renders; objects, fields and references do not. */
function identityOf({ template, kind, name, path, within, reference, how }: PlaceFound): string {
  return JSON.stringify([template, kind, name, path, within, reference, how]);
}
