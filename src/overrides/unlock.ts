import { AirgapError } from '../base/errors.ts';
import type { Values } from '../helm/render.ts';
import { merge, type RenderWith } from '../influence/probe.ts';

/**
 * Some charts refuse images that are not their own until a switch is set, and name the switch in their message
 * (Bitnami's `global.security.allowInsecureImages`). The switch then belongs to the overrides.
 */
export interface Unlocking {
  readonly render: RenderWith;
  /** Values paths that had to be true so far. */
  readonly switches: () => readonly (readonly string[])[];
}

const SWITCH = /['"`]?((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)['"`]?\s*(?:to|=)\s*['"`]?true\b/;

export function withUnlocking(render: RenderWith): Unlocking {
  const found: string[][] = [];
  const unlocked = async (overrides: Values): Promise<Awaited<ReturnType<RenderWith>>> => {
    try {
      return await render(merge(overrides, switchValues(found)));
    } catch (error) {
      const name =
        error instanceof AirgapError && error.code === 'chart-render' ? SWITCH.exec(error.message)?.[1] : undefined;
      const path = name?.replace(/^\.?Values\./, '').split('.');
      if (path === undefined || found.some((other) => other.join('.') === path.join('.'))) throw error;
      const result = await render(merge(overrides, switchValues([...found, path])));
      found.push(path);
      return result;
    }
  };
  return { render: unlocked, switches: () => found };
}

/** A values file with the switches on. */
export function switchValues(paths: readonly (readonly string[])[]): Values {
  return paths.reduce<Values>(
    (values, path) => merge(values, path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), true) as Values),
    {},
  );
}
