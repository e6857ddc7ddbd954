import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { Mapping } from '../entry.ts';
import type { PlaceFound } from '../place.ts';
import { type DeclaringChart, declaringCharts, valueAt } from './charts.ts';
import { type ListedImage, listedImages } from './lists.ts';

export interface DeclaredInput {
  /** Chart.yaml of the chart. */
  readonly metadata: Mapping;
  /** Paths inside the unpacked chart → text: Chart.yaml of every subchart, requirements.yaml and Images.lock. */
  readonly files: ReadonlyMap<string, string>;
  /** Coalesced, with the subcharts' own defaults below their names. */
  readonly values: Mapping;
  readonly context: { readonly chart: string; readonly profile: string };
}

/**
 * The images that a chart and its subcharts say they need. Lists go stale and name components that are off, so an entry
 * is `likely` only where its own condition is true. `template` is the declaring file, behind the chart's name as for a
 * template; `kind` and `name` are empty, since no object carries it.
 */
export function declaredPlaces({ metadata, files, values, context }: DeclaredInput): PlaceFound[] {
  return declaringCharts(metadata, files, values).flatMap((chart) =>
    listedImages(chart, files).flatMap((listed) => toPlace(listed, chart, context)),
  );
}

function toPlace(listed: ListedImage, chart: DeclaringChart, context: DeclaredInput['context']): PlaceFound[] {
  const { image, file, path, within } = listed;
  // Hauler takes a slash off too: `{{ registry }}/path` with an empty registry.
  const parsed = tryParseReference(image.replace(/^\//, ''));
  if (parsed === undefined) return [];
  const on = isOn(listed, chart);
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
      confidence: on === true ? 'likely' : 'possible',
      need: on === false ? 'optional' : 'install',
    },
  ];
}

/** Undefined when nothing says. As in Zarf a condition is one path, and only `true` itself is true. */
function isOn(
  { condition, dependency }: ListedImage,
  { scopes, isOn: isChartOn }: DeclaringChart,
): boolean | undefined {
  if (scopes.length === 0) return false;
  if (dependency !== undefined && isChartOn(dependency) === false) return false;
  if (condition === undefined) return undefined;
  return scopes.some((scope) => valueAt(scope, condition) === true);
}
