import { AirgapError, combine, messageOf } from '../base/errors.ts';
import { isMapping } from '../base/mapping.ts';
import { printableLine, quoted } from '../base/printable.ts';
import { documentKey, type RenderedDocument } from '../helm/documents.ts';
import { TOO_DEEP } from '../helm/go-yaml.ts';
import { readWithSecondParser } from '../helm/second-parser.ts';
import { typeMetaOf } from '../helm/type-meta.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import { assess } from './candidate.ts';
import { type ContainerImage, mayHaveContainers, type ObjectImages, objectsIn } from './containers.ts';
import { searchObject } from './discover.ts';
import { objectIdentity } from './object-identity.ts';
import { isRelevant } from './relevance.ts';

/**
 * Checks the discovered container images against a second reading: another YAML parser, and only the paths of the
 * Kubernetes API. An image that only one of the two readings contains must not go unnoticed.
 * @param references discovered in these documents
 * @throws AirgapError `disagreement` for each document that the two read differently, or that cannot be parsed;
 *   `chart-invalid` for one that is nested too deeply
 */
export function crossCheckImages(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
): void {
  const found = Map.groupBy(
    references.filter(({ how }) => how === 'pod-spec'),
    ({ template, document }) => documentKey(template, document),
  );
  const errors = documents.flatMap((document) => {
    const documentReferences = found.get(documentKey(document.template, document.index)) ?? [];
    const difference = isRelevant(document)
      ? (document.problem ?? differenceIn(document, documentReferences))
      : undefined;
    const problem = difference ?? hiddenListProblem(document);
    return problem === undefined ? [] : [disagreement(document, problem)];
  });
  if (errors.length > 0) throw combine(errors, `${errors.length} documents cannot be read unambiguously`);
}

/** What to do about an invalid image of a chart. */
const VALUES_HINT = 'set the value that it is built from with -f or --set';

/**
 * Rejects workloads whose container images are not valid references. Kubernetes refuses them, and skipping them would
 * silently shorten the list of images. A container without an `image` field is allowed: an admission webhook may set
 * it.
 * @param hint what to do about one
 * @throws AirgapError `chart-invalid` for each image, with its location
 */
export function checkContainerImages(documents: readonly RenderedDocument[], hint = VALUES_HINT): void {
  const errors = documents.filter(isCrossChecked).flatMap((document) =>
    objectsIn(document.object).flatMap(({ kind, name, images }) =>
      images.filter(isInvalid).map(({ path, image }) => {
        const location = placeOf(document, `${kind}/${name} ${path}`);
        return new AirgapError('chart-invalid', `${describeImage(image)} is not an image reference`, {
          subject: location,
          hint,
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
export function malformedImages(documents: readonly RenderedDocument[]): string[] {
  return documents.flatMap((document) => {
    // The API groups of Kubernetes have no dot or are empty; their objects need no second search.
    const group = typeMetaOf(document)?.apiVersion.split('/')[0];
    if (group !== undefined && !group.includes('.')) return [];
    const object = isRelevant(document) ? document.object : undefined;
    if (object === undefined || objectsIn(object).some(({ images }) => images.length > 0)) return [];
    const malformed: string[] = [];
    searchObject(object, (event) => {
      if (event.type !== 'assessed' || event.context.how === undefined || event.fieldPath.within !== undefined) return;
      const { text, fieldPath, evidence, assessment, context } = event;
      const isImage =
        evidence === 'typed' || evidence === 'artifact' || (evidence === 'key' && context.key === 'image');
      if (!isImage || (assessment !== 'shape' && assessment !== 'grammar') || !REFERENCE_LIKE.test(text)) return;
      const { kind, name } = objectIdentity(object);
      malformed.push(placeOf(document, `${kind}/${name} ${fieldPath.path}: ${quoted(text)} is not an image reference`));
    });
    return malformed;
  });
}

/** Text without whitespace or template syntax, with a slash or colon. */
const REFERENCE_LIKE = /^(?=[^/:]*[/:])[\w./:@+-]+$/;

function isInvalid({ image }: ContainerImage): boolean {
  if (image === undefined) return false;
  const assessment = typeof image === 'string' ? assess(image, 'typed') : 'shape';
  return assessment === 'shape' || assessment === 'grammar';
}

function describeImage(image: unknown): string {
  if (image === null || image === '') return 'an empty value';
  return typeof image === 'string'
    ? quoted(image)
    : `${printableLine(JSON.stringify(image)).slice(0, 200)} (not a string)`;
}

/** Names the template, if there is one: what kustomize builds has none. */
function placeOf({ template }: RenderedDocument, rest: string): string {
  return printableLine(template === '' ? rest : `${template}: ${rest}`);
}

function isCrossChecked(document: RenderedDocument): boolean {
  const typeMeta = typeMetaOf(document);
  return typeMeta === undefined || mayHaveContainers(typeMeta.kind);
}

/** Returns the difference between the two readings of a document; undefined if they agree. */
function differenceIn(document: RenderedDocument, found: readonly LocatedReference[]): string | undefined {
  if (!isCrossChecked(document)) return undefined;
  let reparsed: readonly ObjectImages[];
  try {
    reparsed = objectsIn(readWithSecondParser(document.text));
  } catch (error) {
    return `the second YAML parser rejects it: ${messageOf(error).split('\n')[0]}`;
  }
  const [first, second] = [objectsIn(document.object), reparsed].map((objects) => objects.map(objectTitle).join(', '));
  if (first !== second) return `the first YAML parser reads ${quoted(first ?? '')}, the second ${quoted(second ?? '')}`;
  const reparsedImages = new Map(
    reparsed.flatMap(({ images }) => images.filter(isReference).map(({ path, image }) => [path, image] as const)),
  );
  const foundImages = new Map(found.map((reference) => [reference.path, reference.written]));
  const missed = [...reparsedImages].find(([path, image]) => foundImages.get(path) !== image);
  if (missed !== undefined)
    return `only one of two YAML parsers finds the image ${quoted(String(missed[1]))} at ${missed[0]}`;
  const [only, ...others] = reparsed;
  const isWorkload = only?.isWorkload === true && others.length === 0;
  const extra = isWorkload ? found.find(({ path }) => !reparsedImages.has(path)) : undefined;
  return extra === undefined
    ? undefined
    : `only one of two YAML parsers finds the image ${quoted(extra.written)} at ${extra.path}`;
}

/**
 * Returns why a document is a list despite its kind; undefined if it is not. Kubernetes clients, including Helm,
 * install the objects in the `items` field of any object, whatever its kind, and nothing else of it
 * (k8s.io/apimachinery, unstructuredJSONScheme).
 */
function hiddenListProblem(document: RenderedDocument): string | undefined {
  const typeMeta = typeMetaOf(document);
  if (typeMeta !== undefined && !/^items:/m.test(document.text)) return undefined;
  return isHiddenList(document.object)
    ? 'Helm installs its items as objects, although its kind is not a list'
    : undefined;
}

function isHiddenList(object: unknown): boolean {
  if (!isMapping(object) || !Array.isArray(object.items)) return false;
  return typeof object.kind !== 'string' || !object.kind.endsWith('List') || object.items.some(isHiddenList);
}

function isReference({ image }: ContainerImage): boolean {
  return typeof image === 'string' && typeof assess(image, 'typed') !== 'string';
}

function objectTitle({ apiVersion, kind, name }: ObjectImages): string {
  return `${apiVersion} ${kind}/${name}`;
}

function disagreement({ template, index, object }: RenderedDocument, problem: string): AirgapError {
  const kind = isMapping(object) && typeof object.kind === 'string' ? ` (${object.kind})` : '';
  const location = printableLine(`document ${index + 1}${template === '' ? '' : ` of ${template}`}${kind}`);
  if (problem === TOO_DEEP) return new AirgapError('chart-invalid', `${location} cannot be read: ${problem}`);
  return new AirgapError('disagreement', `${location} cannot be read unambiguously: ${problem}`, {
    hint: 'rewrite the document in plain YAML, or report the problem with the chart',
  });
}
