import { printableLine } from '../../base/printable.ts';
import { textBefore } from '../../base/text-trim.ts';
import { type Finding, isBundledByDefault } from '../../inventory/finding.ts';
import { WRITTEN_FORMATS, type WrittenFormat } from '../../lists/list-format.ts';
import type { Confirmation } from '../../workflows/images/confirm.ts';
import type { ImagesResult } from '../../workflows/images/images.ts';

/** Reports whether a format of `images -o` is a list for another tool. */
export function isListFormat(format: string): format is WrittenFormat {
  return (WRITTEN_FORMATS as readonly string[]).includes(format);
}

type Found = Pick<ImagesResult, 'images' | 'inside'>;

/** Formats one reference per line for `--images`, with possible and missing images as comments. */
export function imageList({ images, inside }: Found, missing: Confirmation['missing'] = []): string {
  return [
    ...images.map((image) => (isBundledByDefault(image) ? image.reference : `# ${possible(image)}`)),
    ...otherImages(inside, missing).map((line) => `# ${line}`),
  ]
    .map(printableLine)
    .join('\n');
}

/** Formats charts and images for another tool, with possible and missing images as comments. */
export async function listDocument(
  format: WrittenFormat,
  found: Found & Pick<ImagesResult, 'charts'>,
  missing: Confirmation['missing'] = [],
): Promise<string> {
  const { chartAt, writeList } = await import('../../lists/writing/index.ts');
  const charts = found.charts.map(({ name, version, source }) => ({ name, version, at: chartAt(source, version) }));
  const local = charts.filter(({ at }) => at === undefined);
  const images = found.images.filter(isBundledByDefault);
  // By its digest, skopeo sync copies an image without a tag, which no image stream then has.
  const byTag = format === 'skopeo-sync' ? new Set(images.filter(isTagOfStream)) : new Set<Finding>();
  return writeList(format, {
    charts: charts.flatMap(({ at }) => at ?? []),
    images: images.map((image) => (byTag.has(image) ? textBefore(image.reference, '@') : image.reference)),
    remarks: [
      ...(namespacesOf(byTag).size > 1 ? [NAMESPACES] : []),
      ...[...byTag].map(({ reference }) => `digest in the export: ${reference}`),
      ...found.images.filter((image) => !isBundledByDefault(image)).map(possible),
      ...otherImages(found.inside, missing),
      ...local.map(({ name, version }) => `chart from a file or folder, not listed: ${name} ${version}`),
    ],
  });
}

const NAMESPACES =
  'several namespaces: skopeo sync copies to the last part of a name, so write one list for each namespace';

function namespacesOf(images: ReadonlySet<Finding>): ReadonlySet<string> {
  const streams = [...images].flatMap(({ found }) => found.flatMap(({ imageStream }) => imageStream ?? []));
  return new Set(streams.map(({ namespace }) => namespace));
}

/** Reports whether an image is a tag of an exported image stream. */
function isTagOfStream({ found }: Finding): boolean {
  return found.some(({ imageStream }) => imageStream !== undefined);
}

function possible({ reference }: Finding): string {
  return `possible: ${reference}`;
}

function otherImages(inside: ImagesResult['inside'], missing: Confirmation['missing']): string[] {
  return [
    ...(inside?.found ?? []).map(({ reference, confidence }) => `inside, ${confidence}: ${reference}`),
    ...missing.map(({ reference }) => `missing: ${reference}`),
  ];
}
