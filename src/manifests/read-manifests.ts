import { firstOf } from '../base/count.ts';
import { AirgapError, combine } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { readYamlDocuments } from '../base/yaml-read.ts';
import { type RenderedDocument, splitManifests } from '../helm/documents.ts';
import { typeMetaOf } from '../helm/type-meta.ts';
import { readManifestFiles } from './files.ts';
import { type BuildContext, buildKustomization } from './kustomize.ts';
import { hasText, secondDocument } from './second-document.ts';
import type { ManifestSource } from './source.ts';

/** Files that kustomize reads, in any folder. */
const KUSTOMIZATION = /(?:^|\/)kustomization\.ya?ml$/;

/** Maximum number of names in a message. */
const MAX_NAMES = 3;

/**
 * Reads the objects of a source. A document of a file has its path in `template`; what kustomize builds has none.
 * Documents that are no Kubernetes objects, such as values files, are left out with a warning.
 * @throws AirgapError `chart-invalid` for a kustomization that does not build, and for each document that is not YAML;
 *   `usage`, `file` if the source cannot be read
 */
export async function readManifests(
  context: BuildContext & { readonly emit: Emit },
  source: ManifestSource,
): Promise<RenderedDocument[]> {
  const files =
    source.kind === 'kustomize'
      ? [{ path: '', text: await buildKustomization(context, source.path, source.name) }]
      : await readManifestFiles(source, context.emit);
  const documents = files.flatMap(({ path, text }) => splitManifests(text, path));
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const errors = documents.flatMap((document) => syntaxError(source, document, texts.get(document.template) ?? ''));
  if (errors.length > 0) throw combine(errors, `${errors.length} documents of ${source.name} are not YAML`);
  const objects = documents.filter(isObject);
  const others = documents.filter((document) => !isObject(document) && hasContent(document));
  const isKustomization = ({ template }: RenderedDocument): boolean => KUSTOMIZATION.test(template);
  const warn = (message: string, documents: readonly RenderedDocument[]): void => {
    const names = [...new Set(documents.map(({ template }) => template))].sort();
    if (names.length > 0)
      context.emit({ type: 'warning', message: `${source.name}: ${message}: ${firstOf(names, MAX_NAMES)}` });
  };
  warn(
    'not a manifest, without apiVersion and kind',
    others.filter((document) => !isKustomization(document)),
  );
  warn(
    'what a kustomization changes is not applied, give its folder with --kustomize instead',
    others.filter(isKustomization),
  );
  if (objects.length > 0) return objects;
  throw new AirgapError('usage', `${source.name} has no Kubernetes objects`, {
    hint: 'give files with manifests; a chart is named without a flag',
  });
}

/** Reports whether a document is an object of a cluster. Kustomizations are none, and values files have no kind. */
function isObject(document: RenderedDocument): boolean {
  const { kind, apiVersion } = typeMetaOf(document) ?? document.object ?? {};
  const isSet = typeof kind === 'string' && kind !== '' && typeof apiVersion === 'string' && apiVersion !== '';
  return isSet && !apiVersion.startsWith('kustomize.config.k8s.io/');
}

/** Reports whether a document is more than comments. Lists and texts at the top have no object. */
function hasContent(document: RenderedDocument): boolean {
  return document.object !== undefined || hasText(document.text);
}

/** Returns the error of a document that cannot be parsed, with the line in its file. */
function syntaxError({ name }: ManifestSource, document: RenderedDocument, file: string): AirgapError[] {
  const second = secondDocument(document.text);
  // Definitions of custom resources are long, have no images, and need not be parsed.
  const isLong = typeMetaOf(document)?.kind === 'CustomResourceDefinition';
  const problem = second?.problem ?? (isLong ? undefined : document.problem);
  if (problem === undefined) return [];
  const offset = second?.offset ?? readYamlDocuments(document.text)[0]?.errors[0]?.pos[0] ?? 0;
  const at = Math.max(0, `${file}\n`.indexOf(document.text)) + offset;
  const line = file.slice(0, at).split('\n').length;
  const inFolder = name.endsWith(`/${document.template}`) || name.endsWith(` ${document.template}`);
  return [
    new AirgapError('chart-invalid', `it is not YAML: ${problem}`, {
      subject: `${name}${inFolder || document.template === '' ? '' : `/${document.template}`}, line ${line}`,
      hint: 'mend the file; templates of a chart are rendered when the chart itself is named',
    }),
  ];
}
