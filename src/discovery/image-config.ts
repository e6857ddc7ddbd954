import type { FieldPath } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import type { LocatedReference, Location } from '../inventory/finding.ts';
import { tryParseReference } from '../oci/reference.ts';
import { ROOT_CONTEXT } from './discover.ts';
import { needOf } from './findings.ts';
import { evidenceOf, wordsOf } from './key-evidence.ts';
import type { Match } from './match.ts';
import type { NamedValue } from './named-value.ts';
import { ReferenceWalker } from './reference-walker.ts';

/** Keys that by convention describe the image itself: title, source, base image, build. */
const SELF_DESCRIBING =
  /^(?:org\.opencontainers\.image|org\.label-schema|com\.docker|desktop\.docker|io\.buildpacks|io\.paketo|io\.buildah|io\.openshift\.(?:build|s2i))\./;
/** Words in names of build inputs and documentation. Their values look like images but are not pulled. */
const NOT_PULLED = new Set(
  'base parent build builder buildpack buildpacks from source description summary usage help documentation'.split(' '),
);

/**
 * Returns the references in the environment and labels of an image config (OCI image specification 1.1, config.md;
 * Docker's format has the same fields). They are defaults that the image of an operator contains for the workloads it
 * creates. Stricter than for manifests, because most of a config describes where the image itself comes from; never
 * `certain`.
 * @param config the parsed config, of any type
 * @param image normalized reference of the image with this config
 * @param context of the location that names this image
 */
export function imageConfigReferences(
  config: unknown,
  image: string,
  context: Pick<Location, 'chart' | 'profile' | 'via'>,
): LocatedReference[] {
  const settings = isMapping(config) && isMapping(config.config) ? config.config : {};
  return [...matchesIn(variablesOf(settings.Env), isDefault), ...matchesIn(labelsOf(settings.Labels), isNamedDefault)]
    .filter(({ match }) => !isOwnName(match, image))
    .map(({ key, match: { fieldPath, how, written, reference, parts, disabled } }) => ({
      ...context,
      template: '',
      document: 0,
      kind: 'Image',
      name: image,
      ...fieldPath,
      how,
      written,
      ...(parts === undefined ? {} : { parts }),
      // The environment of a container overrides that of its image.
      ...(isVariable(fieldPath, parts) ? { redirect: { kind: 'env', name: key } as const } : {}),
      reference,
      confidence: 'likely',
      need: needOf(how, undefined, disabled),
    }));
}

function isVariable({ path, within }: FieldPath, parts: Match['parts']): boolean {
  return path.startsWith('config.Env[') && within === undefined && parts === undefined;
}

function variablesOf(env: unknown): NamedValue[] {
  const lines = Array.isArray(env) ? env.filter((line) => typeof line === 'string') : [];
  return lines.flatMap((line) => {
    const equals = line.indexOf('=');
    return equals < 1 ? [] : [namedValue('Env', line.slice(0, equals), line.slice(equals + 1))];
  });
}

function labelsOf(labels: unknown): NamedValue[] {
  return isMapping(labels) ? Object.entries(labels).map(([key, value]) => namedValue('Labels', key, value)) : [];
}

function namedValue(field: string, key: string, value: unknown): NamedValue {
  return { key, value, fieldPath: { path: `config.${field}[${JSON.stringify(key)}]` } };
}

/**
 * Searches the entries that can name a pulled image, like manifests are searched. Returns each match with the name of
 * its entry.
 */
function matchesIn(
  entries: readonly NamedValue[],
  accepts: (match: Match, key: string) => boolean,
): { key: string; match: Match }[] {
  const candidates = entries.filter(({ key = '' }) => !SELF_DESCRIBING.test(key) && !describesBuild(key));
  const keys = new Map(candidates.map(({ key = '', fieldPath }) => [fieldPath.path, key]));
  const walker = new ReferenceWalker();
  walker.visitEntries(candidates, { ...ROOT_CONTEXT, how: 'image-config' });
  return walker.matches.flatMap((match) => {
    const key = keys.get(match.fieldPath.path) ?? '';
    const isAccepted =
      match.confidence !== 'possible' && !describesBuild(match.fieldPath.within ?? '') && accepts(match, key);
    return isAccepted ? [{ key, match }] : [];
  });
}

/**
 * Without a registry or a version, the name has to say that it is an image. Parts of a split name are mostly those of
 * the image itself.
 */
function isDefault(match: Match, key: string): boolean {
  if (!namesImage(match, key) || match.parts !== undefined) return hasVersion(match) && hasRegistry(match);
  return hasVersion(match) || hasRegistry(match);
}

/** Software does not read its own labels, so a label has to name an image explicitly. */
function isNamedDefault(match: Match, key: string): boolean {
  return namesImage(match, key) && hasVersion(match) && (match.parts === undefined || hasRegistry(match));
}

function namesImage({ fieldPath }: Match, key: string): boolean {
  return evidenceOf(key, 'none') !== 'none' || /image/i.test(fieldPath.within ?? '');
}

function hasVersion({ written }: Match): boolean {
  return written.includes('@') || written.slice(written.lastIndexOf('/') + 1).includes(':');
}

function hasRegistry({ written }: Match): boolean {
  return /^[^/.:]*[.:][^/]*\//.test(written);
}

function describesBuild(key: string): boolean {
  const words = wordsOf(key);
  return words[0] !== 'related' && words.some((word) => NOT_PULLED.has(word));
}

/** The image's own repository without a version identifies the image itself, not an image that it pulls. */
function isOwnName(match: Match, image: string): boolean {
  const [imageReference, matched] = [tryParseReference(image), tryParseReference(match.reference)];
  return !hasVersion(match) && imageReference?.registry === matched?.registry && imageReference?.path === matched?.path;
}
