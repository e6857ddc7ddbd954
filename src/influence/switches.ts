import type { RenderedDocument } from '../helm/documents.ts';
import type { Render, Values } from '../helm/render.ts';
import { accepted } from './accepted.ts';
import { type LeafPath, overlay } from './leaves.ts';
import type { RenderWith } from './probe.ts';

/** Keys by which charts turn components on. */
const SWITCH = /^(?:enabled?|install|create|deploy)$/i;

/** Switches that are off: `metrics.enabled: false`. */
export function offSwitches(values: Values): LeafPath[] {
  const found: LeafPath[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    if (value === false && SWITCH.test(String(path.at(-1)))) found.push(path);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
  };
  walk(values, []);
  return found;
}

/**
 * Renders with every optional component switched on, as far as the chart accepts it: some exclude each other, some
 * need values that nobody gave.
 * @returns the documents, and the switches that were turned on
 */
export async function renderWithEverything(
  base: Render,
  render: RenderWith,
): Promise<{ readonly documents: readonly RenderedDocument[]; readonly switches: readonly LeafPath[] }> {
  const off = offSwitches(base.values);
  const best = await accepted(off, (chosen) =>
    render(
      overlay(
        base.values,
        chosen.map((path) => ({ path, value: true })),
      ),
    ),
  );
  return { documents: best?.result.documents ?? base.documents, switches: best?.items ?? [] };
}
