import { AirgapError, combine, messageOf } from '../base/errors.ts';
import { printableLine, quoted } from '../base/printable.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import { TOO_DEEP } from '../helm/go-yaml.ts';
import { headOf } from '../helm/head.ts';
import { readAgain } from '../helm/second-reader.ts';
import { assess } from './candidate.ts';
import { type ContainerImage, type CountedObject, mayHoldContainers, objectsIn } from './containers.ts';
import { isMapping } from './entry.ts';
import { searchObject } from './object.ts';
import { identityOf, type PlaceFound } from './place.ts';
import { isRelevant } from './relevance.ts';

/** A document that may contain containers, parsed by another parser. */
interface Counted {
  readonly document: RenderedDocument;
  readonly objects: readonly CountedObject[];
}

/**
 * Checks the discovered container images against a second reading: another YAML parser, and only the paths of the
 * Kubernetes API. An image that only one of the two readings contains must not go unnoticed.
 * @param references discovered in these documents
 * @throws AirgapError `disagreement` for each document that the two read differently, or that cannot be parsed;
 *   `chart-invalid` for one that is nested too deeply
 */
export function checkCount(documents: readonly RenderedDocument[], places: readonly PlaceFound[]): void {
  const found = Map.groupBy(
    places.filter(({ how }) => how === 'pod-spec'),
    (place) => `${place.template}\n${place.document}`,
  );
  const errors = documents.flatMap((document) => {
    const here = found.get(`${document.template}\n${document.index}`) ?? [];
    const read = isRelevant(document) ? (document.problem ?? differenceIn(document, here)) : undefined;
    const why = read ?? disguiseOf(document);
    return why === undefined ? [] : [disagreement(document, why)];
  });
  if (errors.length > 0) throw combine(errors, `${errors.length} documents cannot be read unambiguously`);
}

/**
 * Rejects workloads whose container images are not valid references. Kubernetes refuses them, and skipping them would
 * silently shorten the list of images. A container without an `image` field is allowed: an admission webhook may set
 * it.
 * @throws AirgapError `chart-invalid` for each image, with its location
 */
export function checkImages(documents: readonly RenderedDocument[]): void {
  const errors = documents.filter(isCounted).flatMap((document) =>
    objectsIn(document.object).flatMap(({ kind, name, images }) =>
      images.filter(isInvalid).map(({ path, image }) => {
        const at = printableLine(`${document.template}: ${kind}/${name} ${path}`);
        return new AirgapError('chart-invalid', `${at}: ${written(image)} is not an image reference`, {
          hint: 'set the value that it is built from with -f or --set',
        });
      }),
    ),
  );
  if (errors.length > 0) throw combine(errors, `${errors.length} container images are not valid references`);
}

/**
 * Returns messages about malformed image references in custom resources: in pod templates and fields named `image`.
 * They are warnings and not errors, because the controller decides what it does with them.
 */
export function dubiousImages(documents: readonly RenderedDocument[]): string[] {
  return documents.flatMap((document) => {
    // The API groups of Kubernetes have no dot or are empty; their objects need no second search.
    const group = headOf(document)?.apiVersion.split('/')[0];
    if (group !== undefined && !group.includes('.')) return [];
    const object = isRelevant(document) ? document.object : undefined;
    if (object === undefined || objectsIn(object).some(({ images }) => images.length > 0)) return [];
    const dubious: string[] = [];
    searchObject(object, (sight) => {
      if (sight.came !== 'judged' || sight.around.how === undefined || sight.spot.within !== undefined) return;
      const { text, spot, evidence, assessment, around } = sight;
      const isImage = evidence === 'typed' || (evidence === 'key' && around.key === 'image');
      if (!isImage || (assessment !== 'shape' && assessment !== 'grammar') || !LIKE_REFERENCE.test(text)) return;
      const { kind, name } = identityOf(object);
      dubious.push(
        printableLine(`${document.template}: ${kind}/${name} ${spot.path}: ${quoted(text)} is not an image reference`),
      );
    });
    return dubious;
  });
}

/** Text without whitespace or template syntax, with a slash or colon. */
const LIKE_REFERENCE = /^(?=[^/:]*[/:])[\w./:@+-]+$/;

function isInvalid({ image }: ContainerImage): boolean {
  if (image === undefined) return false;
  const assessment = typeof image === 'string' ? assess(image, 'typed') : 'shape';
  return assessment === 'shape' || assessment === 'grammar';
}

function written(image: unknown): string {
  if (image === null || image === '') return 'an empty value';
  return typeof image === 'string'
    ? quoted(image)
    : `${printableLine(JSON.stringify(image)).slice(0, 200)} (not a string)`;
}

function isCounted(document: RenderedDocument): boolean {
  const head = headOf(document);
  return head === undefined || mayHoldContainers(head.kind);
}

/** Returns the difference between the two readings of a document; undefined if they agree. */
function differenceIn(document: RenderedDocument, found: readonly PlaceFound[]): string | undefined {
  if (!isCounted(document)) return undefined;
  let again: Counted['objects'];
  try {
    again = objectsIn(readAgain(document.text));
  } catch (error) {
    return `the second YAML parser rejects it: ${messageOf(error).split('\n')[0]}`;
  }
  const [first, second] = [objectsIn(document.object), again].map((objects) => objects.map(nameOf).join(', '));
  if (first !== second) return `the first YAML parser reads ${quoted(first ?? '')}, the second ${quoted(second ?? '')}`;
  const counted = new Map(again.flatMap(({ images }) => images.filter(isPulled).map((one) => [one.path, one.image])));
  const known = new Map(found.map((place) => [place.path, place.written]));
  const missed = [...counted].find(([path, image]) => known.get(path) !== image);
  if (missed !== undefined)
    return `only one of two YAML parsers finds the image ${quoted(String(missed[1]))} at ${missed[0]}`;
  const [only, ...others] = again;
  const isWorkload = only?.isWorkload === true && others.length === 0;
  const more = isWorkload ? found.find(({ path }) => !counted.has(path)) : undefined;
  return more === undefined
    ? undefined
    : `only one of two YAML parsers finds the image ${quoted(more.written)} at ${more.path}`;
}

/**
 * Returns why a document is a list despite its kind; undefined if it is not. Kubernetes clients, including Helm,
 * install the objects in the `items` field of any object, whatever its kind, and nothing else of it
 * (k8s.io/apimachinery, unstructuredJSONScheme).
 */
function disguiseOf(document: RenderedDocument): string | undefined {
  const head = headOf(document);
  if (head !== undefined && !/^items:/m.test(document.text)) return undefined;
  return isDisguised(document.object)
    ? 'Helm installs its items as objects, although its kind is not a list'
    : undefined;
}

function isDisguised(object: unknown): boolean {
  if (!isMapping(object) || !Array.isArray(object.items)) return false;
  return typeof object.kind !== 'string' || !object.kind.endsWith('List') || object.items.some(isDisguised);
}

function isPulled({ image }: ContainerImage): boolean {
  return typeof image === 'string' && typeof assess(image, 'typed') !== 'string';
}

function nameOf({ apiVersion, kind, name }: CountedObject): string {
  return `${apiVersion} ${kind}/${name}`;
}

function disagreement({ template, index, object }: RenderedDocument, why: string): AirgapError {
  const kind = isMapping(object) && typeof object.kind === 'string' ? ` (${object.kind})` : '';
  const where = printableLine(`document ${index + 1} of ${template}${kind}`);
  if (why === TOO_DEEP) return new AirgapError('chart-invalid', `${where} cannot be read: ${why}`);
  return new AirgapError('disagreement', `${where} cannot be read unambiguously: ${why}`, {
    hint: 'rewrite the document in plain YAML, or report the problem with the chart',
  });
}
