import { type PlaceFound, toFindings } from '../../discovery/index.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { accepted, unlessRefused } from '../../influence/accepted.ts';
import { causesOf } from '../../influence/causes.ts';
import { formatPath, overlay } from '../../influence/leaves.ts';
import { type Switch, switchesOn } from '../../influence/switches.ts';
import type { Finding } from '../../lock/finding.ts';
import { type Profile, type RenderFindings, type RenderSearch, searchRender } from './search-render.ts';

/** A reference that appears once something is enabled. */
export interface Addition {
  readonly place: PlaceFound;
  /** The values path that enables it; undefined if it takes several. */
  readonly switch?: string;
}

/** An image that optional components would add. */
export interface WhatIfFinding extends Finding {
  /** Values paths each of which alone enables it; empty if it takes several. */
  readonly switches: readonly string[];
}

/**
 * Renders with all components enabled that the chart accepts together, and returns the references that `known` does not
 * contain. Nested charts are those of the install.
 */
export async function searchWhatIf(
  renderer: Renderer,
  base: Render,
  { name, options }: Profile,
  search: RenderSearch,
  known: Pick<RenderFindings, 'places'>,
): Promise<Addition[]> {
  const isKnown = new Set(known.places.map(({ reference }) => reference));
  const profile = { name: `${name} (what if)`, options };
  const placesWith = async (switches: readonly Switch[]): Promise<PlaceFound[]> => {
    const render = await renderer.render(options, overlay(base.values, switches));
    const { places } = await searchRender(renderer, render, profile, { ...search, traced: false });
    return places.filter(({ reference }) => !isKnown.has(reference));
  };
  const on = await accepted(switchesOn(base.values), placesWith);
  if (on === undefined) return [];
  const references = [...new Set(on.result.map(({ reference }) => reference))];
  const causes = await causesOf(on.items, references, async (some) => {
    const alone = await unlessRefused(placesWith(some));
    return 'refusal' in alone ? undefined : new Set(alone.result.map(({ reference }) => reference));
  });
  return on.result.map((place): Addition => {
    const cause = causes.get(place.reference);
    const optional: PlaceFound = { ...place, need: 'optional' };
    return { place: optional, ...(cause === undefined ? {} : { switch: formatPath(cause.path) }) };
  });
}

/** Returns one finding for each reference that optional components would add, with the values that enable it. */
export function whatIfFindings(additions: readonly Addition[]): WhatIfFinding[] {
  return toFindings(additions.map(({ place }) => place)).map((finding) => {
    const own = additions.filter(({ place }) => place.reference === finding.reference);
    return { ...finding, switches: [...new Set(own.flatMap((one) => one.switch ?? []))] };
  });
}
