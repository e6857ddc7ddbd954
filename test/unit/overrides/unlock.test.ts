import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import type { Render, Values } from '../../../src/helm/render.ts';
import { withUnlocking } from '../../../src/overrides/unlock.ts';

const rendered: Render = { documents: [], values: {} };

/** A chart that renders only with a switch on, and says so in its own words. */
function locked(message: string, isOpen: (values: Values) => boolean): (values: Values) => Promise<Render> {
  return (values) =>
    isOpen(values) ? Promise.resolve(rendered) : Promise.reject(new AirgapError('chart-render', message));
}

describe('a switch that a chart asks for', () => {
  it('is turned on and remembered', async () => {
    const isOpen = (values: Values): boolean =>
      JSON.stringify(values).includes('"global":{"security":{"allowInsecureImages":true}}');
    const message = 'please set the global parameter `global.security.allowInsecureImages` to true';
    const { render, switches } = withUnlocking(locked(message, isOpen));
    expect(await render({ image: 'x' })).toBe(rendered);
    expect(switches()).toEqual([['global', 'security', 'allowInsecureImages']]);
  });

  it('is not kept when it does not help, and the refusal is told', async () => {
    const { render, switches } = withUnlocking(locked('set .Values.a.b to true', () => false));
    await expect(render({})).rejects.toThrow('set .Values.a.b to true');
    expect(switches()).toEqual([]);
  });
});
