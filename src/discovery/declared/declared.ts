import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { LocatedReference } from '../located-reference.ts';
import type { Mapping } from '../named-value.ts';
import { type DeclaringChart, declaringCharts, valueAtDottedPath } from './charts.ts';
import { type ListedImage, listedImages } from './lists.ts';

export interface DeclaredInput {
  /** Content of Chart.yaml. */
  readonly metadata: Mapping;
  /**
   * Texts of files by path inside the unpacked chart: Chart.yaml of every subchart, requirements.yaml and Images.lock.
   */
  readonly files: ReadonlyMap<string, string>;
  /** Coalesced values, including the defaults of subcharts below their names. */
  readonly values: Mapping;
  readonly context: { readonly chart: string; readonly profile: string };
}

/**
 * Returns the images that a chart and its subcharts declare. Such lists become outdated and contain disabled
 * components, so an entry is `likely` only if its own condition is true. `template` is the declaring file, prefixed by
 * the chart name like a template; `kind` and `name` are empty because there is no object.
 */
export function declaredReferences({ metadata, files, values, context }: DeclaredInput): LocatedReference[] {
  return declaringCharts(metadata, files, values).flatMap((chart) =>
    listedImages(chart, files).flatMap((listed) => toReference(listed, chart, context)),
  );
}

function toReference(
  listed: ListedImage,
  chart: DeclaringChart,
  context: DeclaredInput['context'],
): LocatedReference[] {
  const { image, file, path, within } = listed;
  // Like Hauler, removes the slash of `{{ registry }}/path` with an empty registry.
  const parsed = tryParseReference(image.replace(/^\//, ''));
  if (parsed === undefined) return [];
  const enabled = isEnabled(listed, chart);
  return [
    {
      ...context,
      template: `${context.chart}/${file}`,
      document: 0,
      kind: '',
      name: '',
      path,
      ...(within === undefined ? {} : { within }),
      how: 'declared',
      written: image,
      reference: formatReference(parsed),
      confidence: enabled === true ? 'likely' : 'possible',
      need: enabled === false ? 'optional' : 'install',
    },
  ];
}

/**
 * Reports whether the image's component is enabled; undefined if the list does not say. As in Zarf, a condition is one
 * path, and only `true` itself is true.
 */
function isEnabled(
  { condition, dependency }: ListedImage,
  { scopes, isDependencyEnabled }: DeclaringChart,
): boolean | undefined {
  if (scopes.length === 0) return false;
  if (dependency !== undefined && isDependencyEnabled(dependency) === false) return false;
  if (condition === undefined) return undefined;
  return scopes.some((scope) => valueAtDottedPath(scope, condition) === true);
}
