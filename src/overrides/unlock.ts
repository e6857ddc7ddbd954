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

/**
 * The name of a values path that a message wants to be true, as in `set "global.security.x" to true`. The path is read
 * backwards from there: forwards each letter of a long text would have to be tried as its beginning.
 */
function switchIn(message: string): string | undefined {
  for (const { index } of message.matchAll(/(?:to|=)\s*['"`]?true\b/g)) {
    const words = message
      .slice(Math.max(0, index - FAR), index)
      .trimEnd()
      .replace(/['"`]$/, '');
    const keys =
      words
        .split(/[^\w.]/)
        .at(-1)
        ?.split('.') ?? [];
    const first = keys.findLastIndex((key) => !/^[A-Za-z_]\w*$/.test(key)) + 1;
    if (keys.length - first > 1) return keys.slice(first).join('.');
  }
  return undefined;
}

/** Characters that a path with what is around it has at most. */
const FAR = 500;

export function withUnlocking(render: RenderWith): Unlocking {
  const found: string[][] = [];
  const unlocked = async (overrides: Values): Promise<Awaited<ReturnType<RenderWith>>> => {
    try {
      return await render(merge(overrides, switchValues(found)));
    } catch (error) {
      const name = error instanceof AirgapError && error.code === 'chart-render' ? switchIn(error.message) : undefined;
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
