import { valueAt } from '../../base/field-path.ts';
import { isMapping, type Mapping } from '../../base/mapping.ts';
import { readYamlValues } from '../../base/yaml-read.ts';
import { readMapping } from '../../helm/go-yaml.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import { type DeclaringChart, declaringCharts } from './charts.ts';

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
  return scopes.some((scope) => valueAt(scope, condition.split('.')) === true);
}

/** One image in a list that a chart declares. */
interface ListedImage {
  readonly image: string;
  /** `helm.sh/images`: the values path that enables it. */
  readonly condition?: string;
  /** `helm.sh/images` and Images.lock: the chart that uses it. */
  readonly dependency?: string;
  /** File inside the unpacked chart. */
  readonly file: string;
  readonly path: string;
  readonly within?: string;
}

/**
 * Chart.yaml annotations that list images, each a YAML list of `{name, image}`: Artifact Hub's, Helm's HIP-15 (Zarf and
 * Hauler read it and know `condition`, src/internal/packager/helm/images.go in Zarf), and the plain one of Bitnami and
 * its distribution-tooling.
 */
const ANNOTATIONS = ['artifacthub.io/images', 'helm.sh/images', 'images'];

/** Returns every image in the annotations and the Images.lock of a chart. */
function listedImages(chart: DeclaringChart, files: ReadonlyMap<string, string>): ListedImage[] {
  return [...annotatedImages(chart), ...imagesLockImages(chart, files)];
}

function annotatedImages({ folder, metadata }: DeclaringChart): ListedImage[] {
  const annotations = isMapping(metadata.annotations) ? metadata.annotations : {};
  return ANNOTATIONS.flatMap((key) => {
    const value = annotations[key];
    const list = typeof value === 'string' ? readYamlValues(value)?.[0] : value;
    const location = { file: `${folder}Chart.yaml`, path: `annotations[${JSON.stringify(key)}]` };
    return imageItems(list).map(({ item, i }) => ({
      ...location,
      within: `yaml:[${i}].image`,
      image: text(item.image),
      ...(text(item.condition) === '' ? {} : { condition: text(item.condition) }),
      ...(text(item.dependency) === '' ? {} : { dependency: text(item.dependency) }),
    }));
  });
}

/**
 * Returns the images of distribution-tooling's Images.lock (`kind: ImagesLock`), which covers the chart and all
 * subcharts.
 */
function imagesLockImages({ folder, metadata }: DeclaringChart, files: ReadonlyMap<string, string>): ListedImage[] {
  const file = `${folder}Images.lock`;
  const lock = readMapping(files.get(file));
  if (lock.kind !== 'ImagesLock') return [];
  return imageItems(lock.images).map(({ item, i }) => ({
    file,
    path: `images[${i}].image`,
    image: text(item.image),
    ...(['', metadata.name].includes(text(item.chart)) ? {} : { dependency: text(item.chart) }),
  }));
}

function imageItems(list: unknown): { item: Mapping; i: number }[] {
  if (!Array.isArray(list)) return [];
  return list
    .map((item: unknown, i) => ({ item: isMapping(item) ? item : {}, i }))
    .filter(({ item }) => text(item.image) !== '');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
