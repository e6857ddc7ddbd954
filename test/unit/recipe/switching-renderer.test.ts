import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import type { Render, Values } from '../../../src/helm/render.ts';
import { createSwitchingRenderer } from '../../../src/recipe/switching-renderer.ts';

const rendered: Render = { documents: [], values: {} };

/** Chart that renders only with a switch on, and names it in its error message. */
function chartWithSwitch(message: string, isOn: (values: Values) => boolean): (values: Values) => Promise<Render> {
  return (values) =>
    isOn(values) ? Promise.resolve(rendered) : Promise.reject(new AirgapError('chart-render', message));
}

describe('a switch that a chart requires', () => {
  it('is turned on and reported', async () => {
    const isOn = (values: Values): boolean =>
      JSON.stringify(values).includes('"global":{"security":{"allowInsecureImages":true}}');
    const message = 'please set the global parameter `global.security.allowInsecureImages` to true';
    const { render, switches } = createSwitchingRenderer(chartWithSwitch(message, isOn));
    expect(await render({ image: 'x' })).toBe(rendered);
    expect(switches()).toEqual([['global', 'security', 'allowInsecureImages']]);
  });

  it("is dropped if it does not help, and the chart's error is thrown", async () => {
    const { render, switches } = createSwitchingRenderer(chartWithSwitch('set .Values.a.b to true', () => false));
    await expect(render({})).rejects.toThrow('set .Values.a.b to true');
    expect(switches()).toEqual([]);
  });
});

it.each([
  ['the first of several', 'a.b is bad; set `c.d` to true, or "e.f" = true', 'c.d'],
  ['after a dot', 'set .Values.global.x=true', 'global.x'],
  ['after an invalid key', 'set 1..a.b to true', 'a.b'],
])('finds the switch in a message: %s', async (_, message, path) => {
  const { render, switches } = createSwitchingRenderer(
    chartWithSwitch(message, (values) => Object.keys(values).length > 0),
  );
  await render({});
  expect(switches()).toEqual([path.split('.')]);
});

it.each(['a.', 'a.b to ', 'a.b = true ', 'x'])('searches a message of many %j in linear time', async (pattern) => {
  const { render } = createSwitchingRenderer(chartWithSwitch(pattern.repeat(50_000), () => false));
  const start = performance.now();
  await expect(render({})).rejects.toMatchObject({ code: 'chart-render' });
  expect(performance.now() - start).toBeLessThan(1000);
});
