import { isDeepStrictEqual } from 'node:util';
import { AirgapError, messageOf } from '../base/errors.ts';
import { readYaml } from '../base/yaml-read.ts';
import type { Renderer, RenderOptions, Values } from '../helm/render.ts';

/** Text that all YAML parsers read alike. */
const PLAIN = /^[\n\x20-\x7e]*$/;

/**
 * Parses the text of an overrides file and compares it with the proved overrides. Uses YAML 1.1, as Helm does. If the
 * text has characters that YAML parsers read differently, Helm itself reads it, and the coalesced values must be equal.
 * @throws AirgapError `chart-invalid` if they differ
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
    `Helm would read the overrides of chart ${name} ${version} differently from what was proved`,
    {
      hint: 'a key or value of the chart contains characters that YAML parsers read differently: rename it, and please report this',
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
  const [expected, actual] = await Promise.all([renderer.render(options, overrides), renderer.render(options, text)]);
  return isDeepStrictEqual(actual.values, expected.values);
}

/** Removes what JSON cannot represent, such as undefined. */
function asJson(values: unknown): unknown {
  return JSON.parse(JSON.stringify(values));
}
