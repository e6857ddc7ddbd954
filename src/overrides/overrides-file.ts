import { isDeepStrictEqual } from 'node:util';
import { Document, isCollection, isMap, isScalar, type Pair, type Scalar } from 'yaml';
import { AirgapError, messageOf } from '../base/errors.ts';
import { formatPath, valueAt } from '../base/field-path.ts';
import { printableLine } from '../base/printable.ts';
import { readYaml } from '../base/yaml-read.ts';
import { documentText, YAML_1_1 } from '../base/yaml-text.ts';
import { hasValues, type Renderer, type RenderOptions, type Values } from '../helm/render.ts';
import { tryParseReference } from '../oci/reference.ts';
import { buildOverlay, type LeafPath } from '../value-tracing/leaves.ts';
import type { Setting } from './settings/setting.ts';

/**
 * Formats overrides as YAML for `helm -f`, each leaf commented with the references that it moves. Output is
 * deterministic.
 */
export function formatOverrides(header: readonly string[], base: Values, settings: readonly Setting[]): string {
  const document = new Document(buildOverlay(base, settings), YAML_1_1);
  document.commentBefore = header.map(commentLine).join('\n');
  for (const { path, comment } of settings) {
    // Helm replaces lists whole, so a comment about an item goes before the list's key.
    const end = path.findIndex((key) => typeof key === 'number');
    const keys = end < 0 ? path : path.slice(0, end);
    const parent = document.getIn(keys.slice(0, -1), true) ?? document.contents;
    const pair = isMap(parent) ? parent.items.find((item) => keyValue(item) === keys.at(-1)) : undefined;
    if (pair === undefined || !isScalar(pair.key)) continue;
    const key = pair.key as Scalar;
    const lines = new Set([...(key.commentBefore?.split('\n') ?? []), ...comment.split('\n').map(commentLine)]);
    key.commentBefore = [...lines].join('\n');
  }
  if (isCollection(document.contents) && document.contents.items.length === 0) document.contents.flow = true;
  return documentText(document);
}

/** Keeps a comment on one line: Go's YAML also breaks lines at NEL, LS and PS, and would read the rest as content. */
function commentLine(line: string): string {
  return ` ${printableLine(line)}`;
}

function keyValue({ key }: Pair): unknown {
  return isScalar(key) ? key.value : key;
}

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

/**
 * Returns the paths of override values that copy more than image names from the user's values: lists, which Helm
 * replaces whole, and text around a name. The copied content may include secrets.
 * @param base coalesced values without the overrides
 * @param options render options behind `base`; without user values there is nothing confidential to copy
 */
export function copiedUserValues(base: Values, overrides: Values, options: RenderOptions): string[] {
  if (!hasValues(options)) return [];
  const copied: string[] = [];
  const walk = (value: unknown, path: LeafPath): void => {
    const original = valueAt(base, path);
    if (Array.isArray(value)) {
      const before = scalarsIn(original);
      if (scalarsIn(value).some((scalar) => before.includes(scalar))) copied.push(formatPath(path));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    } else if (typeof original === 'string' && typeof value === 'string' && !isImageName(original)) {
      copied.push(formatPath(path));
    }
  };
  walk(overrides, []);
  return copied;
}

/** Returns strings and numbers; booleans cannot hold a secret. */
function scalarsIn(value: unknown): (string | number)[] {
  if (typeof value === 'number' || (typeof value === 'string' && value !== '')) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(scalarsIn) : [];
}

/** Reports whether a text is empty, an image reference, or a part of one. */
function isImageName(text: string): boolean {
  return text === '' || tryParseReference(text.replace(/^[a-z]+(?:\+[a-z]+)?:\/\/|\/$/g, '')) !== undefined;
}
