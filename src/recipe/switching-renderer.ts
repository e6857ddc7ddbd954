import { AirgapError } from '../base/errors.ts';
import { overlayValues } from '../base/mapping.ts';
import type { Values } from '../helm/render.ts';
import type { RenderWith } from '../value-tracing/probe.ts';

/**
 * Renders charts that reject other images until a switch is set, and name the switch in the error message (Bitnami's
 * `global.security.allowInsecureImages`). The switches become part of the overrides.
 */
export interface SwitchingRenderer {
  readonly render: RenderWith;
  /** Values paths set to true so far. */
  readonly switches: () => readonly (readonly string[])[];
}

/**
 * Finds the values path that an error message asks to set, as in `set "global.security.x" to true`. The path is read
 * backwards from `true`: a forward search would try every letter of a long message as the start.
 */
function findSwitch(message: string): string | undefined {
  for (const { index } of message.matchAll(/(?:to|=)\s*['"`]?true\b/g)) {
    const precedingText = message
      .slice(Math.max(0, index - MAX_PATH_LENGTH), index)
      .trimEnd()
      .replace(/['"`]$/, '');
    const keys =
      precedingText
        .split(/[^\w.]/)
        .at(-1)
        ?.split('.') ?? [];
    const first = keys.findLastIndex((key) => !/^[A-Za-z_]\w*$/.test(key)) + 1;
    if (keys.length - first > 1) return keys.slice(first).join('.');
  }
  return undefined;
}

/** Maximum number of characters before `true` that are searched. */
const MAX_PATH_LENGTH = 500;

/** Wraps a render function so that it switches components on. */
export function createSwitchingRenderer(render: RenderWith): SwitchingRenderer {
  const found: string[][] = [];
  const renderSwitched = async (overrides: Values): Promise<Awaited<ReturnType<RenderWith>>> => {
    try {
      return await render(overlayValues(overrides, switchValues(found)));
    } catch (error) {
      const name =
        error instanceof AirgapError && error.code === 'chart-render' ? findSwitch(error.message) : undefined;
      const path = name?.replace(/^\.?Values\./, '').split('.');
      if (path === undefined || found.some((other) => other.join('.') === path.join('.'))) throw error;
      const result = await render(overlayValues(overrides, switchValues([...found, path])));
      found.push(path);
      return result;
    }
  };
  return { render: renderSwitched, switches: () => found };
}

/** Returns values with the switches on. */
function switchValues(paths: readonly (readonly string[])[]): Values {
  return paths.reduce<Values>(
    (values, path) =>
      overlayValues(values, path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), true) as Values),
    {},
  );
}
