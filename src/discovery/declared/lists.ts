import { readYamlValues } from '../../base/yaml-read.ts';
import { readMapping } from '../../helm/go-yaml.ts';
import { isMapping, type Mapping } from '../named-value.ts';
import type { DeclaringChart } from './charts.ts';

/** One image in a list that a chart declares. */
export interface ListedImage {
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
export function listedImages(chart: DeclaringChart, files: ReadonlyMap<string, string>): ListedImage[] {
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
