import type { Render, Renderer } from '../helm/render.ts';
import { mayRenderMoreOnUpgrade } from '../helm/upgrade.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { Profile } from './search-render.ts';

/** One render variant of a profile: install or upgrade. */
export interface Variant {
  readonly profile: Profile;
  readonly base: Render;
  /** The references of the render. */
  readonly references: readonly LocatedReference[];
}

/**
 * Returns the profile as `helm upgrade` renders it; undefined if no template renders more for an upgrade, or if the
 * profile already determines it.
 */
export async function upgradeProfile(renderer: Renderer, { name, options }: Profile): Promise<Profile | undefined> {
  if (options.isUpgrade !== undefined) return undefined;
  const texts = await renderer.sourceFiles();
  if (![...texts.values()].some(mayRenderMoreOnUpgrade)) return undefined;
  return { name: `${name} (upgrade)`, options: { ...options, isUpgrade: true } };
}

/**
 * Returns the first variant, and the further ones with only the references that earlier ones do not have. Variants that
 * add none are omitted.
 */
export function withoutRepeats<V extends Variant>(variants: readonly V[]): V[] {
  const known = new Set<string>();
  return variants.flatMap((variant, i) => {
    const references = variant.references.filter((reference) => {
      const key = referenceKey(reference);
      return !known.has(key) && known.add(key);
    });
    return references.length === 0 && i > 0 ? [] : [{ ...variant, references }];
  });
}

/** Document indexes differ between two renders; objects, fields and references do not. */
function referenceKey({ template, kind, name, path, within, reference, how }: LocatedReference): string {
  return JSON.stringify([template, kind, name, path, within, reference, how]);
}
