import { isDeepStrictEqual } from 'node:util';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { readYaml } from '../../base/yaml-read.ts';
import type { Renderer, RenderOptions, Values } from '../../helm/render.ts';

/** All that needs no second look: every reader of YAML takes these characters for the same. */
const PLAIN = /^[\n\x20-\x7e]*$/;

/**
 * Reads overrides as they are going to be written, and compares them with what was proved. YAML of version 1.1 is read, as
 * Helm does; where a character is in it that readers may take in different ways, Helm itself reads the very text, comments
 * and all, and its coalesced values have to be those with the proved overrides.
 * @throws AirgapError `chart-invalid` when they are not the same
 */
export async function checkReadBack(
  renderer: Renderer,
  options: RenderOptions,
  overrides: Values,
  text: string,
): Promise<void> {
  const isSame = isDeepStrictEqual(asJson(readAsYaml11(text)), asJson(overrides));
  if (isSame && (PLAIN.test(text) || (await isSameToHelm(renderer, options, overrides, text)))) return;
  const { name, version } = renderer.chart.metadata;
  throw new AirgapError(
    'chart-invalid',
    `Helm would not read the overrides of chart ${name} ${version} as they were proved`,
    {
      hint: 'a key or value of the chart holds characters that YAML cannot carry safely; rename it, and please report this',
    },
  );
}

function readAsYaml11(text: string): unknown {
  try {
    return readYaml(text, { version: '1.1', merge: false, uniqueKeys: true, logLevel: 'error' });
  } catch (cause) {
    return { error: messageOf(cause) };
  }
}

async function isSameToHelm(
  renderer: Renderer,
  options: RenderOptions,
  overrides: Values,
  text: string,
): Promise<boolean> {
  const [meant, read] = await Promise.all([renderer.render(options, overrides), renderer.render(options, text)]);
  return isDeepStrictEqual(read.values, meant.values);
}

/** Without what JSON does not have, such as undefined. */
function asJson(values: unknown): unknown {
  return JSON.parse(JSON.stringify(values));
}
