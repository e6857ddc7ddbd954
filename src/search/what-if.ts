import { formatPath } from '../base/field-path.ts';
import type { Advance } from '../base/step.ts';
import { toFindings } from '../discovery/index.ts';
import type { Render, Renderer } from '../helm/render.ts';
import type { Finding, LocatedReference } from '../inventory/finding.ts';
import { findAccepted, findCauses, unlessRefused } from '../value-tracing/bisection.ts';
import { buildOverlay } from '../value-tracing/leaves.ts';
import { type Switch, switchesOn } from '../value-tracing/switches.ts';
import { type Profile, type RenderFindings, type SearchOptions, searchRender } from './search-render.ts';

/** A reference that appears once something is enabled. */
export interface Addition {
  readonly reference: LocatedReference;
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
 * contain. Nested charts are those of the install. Advances with each render.
 */
export async function searchWhatIf(
  renderer: Renderer,
  base: Render,
  { name, options }: Profile,
  search: SearchOptions,
  known: Pick<RenderFindings, 'references'>,
  advance: Advance = () => {},
): Promise<Addition[]> {
  const knownReferences = new Set(known.references.map(({ reference }) => reference));
  const profile = { name: `${name} (what if)`, options };
  const referencesWith = async (switches: readonly Switch[]): Promise<LocatedReference[]> => {
    const render = await renderer.render(options, buildOverlay(base.values, switches)).finally(advance);
    const { references } = await searchRender(renderer, render, profile, search, false);
    return references.filter(({ reference }) => !knownReferences.has(reference));
  };
  const enabled = await findAccepted(switchesOn(base.values), referencesWith);
  if (enabled === undefined) return [];
  const references = [...new Set(enabled.result.map(({ reference }) => reference))];
  const causes = await findCauses(enabled.items, references, async (switches) => {
    const outcome = await unlessRefused(referencesWith(switches));
    return 'refusal' in outcome ? undefined : new Set(outcome.result.map(({ reference }) => reference));
  });
  return enabled.result.map((reference): Addition => {
    const cause = causes.get(reference.reference);
    const optional: LocatedReference = { ...reference, need: 'optional' };
    return { reference: optional, switch: cause && formatPath(cause.path) };
  });
}

/** Returns one finding for each reference that optional components would add, with the values that enable it. */
export function whatIfFindings(additions: readonly Addition[]): WhatIfFinding[] {
  return toFindings(additions.map(({ reference }) => reference)).map((finding) => {
    const same = additions.filter(({ reference }) => reference.reference === finding.reference);
    return { ...finding, switches: [...new Set(same.flatMap((addition) => addition.switch ?? []))] };
  });
}
