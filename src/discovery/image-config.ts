import type { Place } from '../lock/finding.ts';
import { tryParseReference } from '../oci/reference.ts';
import { type Entry, isMapping } from './entry.ts';
import type { Hit } from './hit.ts';
import { evidenceOf, wordsOf } from './naming.ts';
import { needOf } from './need.ts';
import { START } from './object.ts';
import type { PlaceFound } from './place.ts';
import type { Spot } from './spot.ts';
import { Walk } from './walk.ts';

/** Keys that by convention describe the image itself: title, source, base image, build. */
const DESCRIBES_ITSELF =
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
export function imageConfigPlaces(
  config: unknown,
  image: string,
  context: Pick<Place, 'chart' | 'profile' | 'via'>,
): PlaceFound[] {
  const settings = isMapping(config) && isMapping(config.config) ? config.config : {};
  return [...hitsIn(variablesOf(settings.Env), isDefault), ...hitsIn(labelsOf(settings.Labels), isNamedDefault)]
    .filter(({ hit }) => !isOwnName(hit, image))
    .map(({ key, hit: { spot, how, written, reference, parts, off } }) => ({
      ...context,
      template: '',
      document: 0,
      kind: 'Image',
      name: image,
      ...spot,
      how,
      written,
      ...(parts === undefined ? {} : { parts }),
      // The environment of a container overrides that of its image.
      ...(isVariable(spot, parts) ? { redirect: { kind: 'env', name: key } as const } : {}),
      reference,
      confidence: 'likely',
      need: needOf(how, undefined, off),
    }));
}

function isVariable({ path, within }: Spot, parts: Hit['parts']): boolean {
  return path.startsWith('config.Env[') && within === undefined && parts === undefined;
}

function variablesOf(env: unknown): Entry[] {
  const lines = Array.isArray(env) ? env.filter((line) => typeof line === 'string') : [];
  return lines.flatMap((line) => {
    const at = line.indexOf('=');
    return at < 1 ? [] : [entryOf('Env', line.slice(0, at), line.slice(at + 1))];
  });
}

function labelsOf(labels: unknown): Entry[] {
  return isMapping(labels) ? Object.entries(labels).map(([key, value]) => entryOf('Labels', key, value)) : [];
}

function entryOf(field: string, key: string, value: unknown): Entry {
  return { key, value, spot: { path: `config.${field}[${JSON.stringify(key)}]` } };
}

/**
 * Searches the entries that can name a pulled image, like manifests are searched. Returns each match with the name of
 * its entry.
 */
function hitsIn(entries: readonly Entry[], accepts: (hit: Hit, key: string) => boolean): { key: string; hit: Hit }[] {
  const worth = entries.filter(({ key = '' }) => !DESCRIBES_ITSELF.test(key) && !tellsOfTheBuild(key));
  const keys = new Map(worth.map(({ key = '', spot }) => [spot.path, key]));
  const walk = new Walk();
  walk.visitEntries(worth, { ...START, how: 'image-config' });
  return walk.hits.flatMap((hit) => {
    const key = keys.get(hit.spot.path) ?? '';
    const taken = hit.confidence !== 'possible' && !tellsOfTheBuild(hit.spot.within ?? '') && accepts(hit, key);
    return taken ? [{ key, hit }] : [];
  });
}

/**
 * Without a registry or a version, the name has to say that it is an image. Parts of a split name are mostly those of
 * the image itself.
 */
function isDefault(hit: Hit, key: string): boolean {
  if (!saysImage(hit, key) || hit.parts !== undefined) return isVersioned(hit) && isHosted(hit);
  return isVersioned(hit) || isHosted(hit);
}

/** Software does not read its own labels, so a label has to name an image explicitly. */
function isNamedDefault(hit: Hit, key: string): boolean {
  return saysImage(hit, key) && isVersioned(hit) && (hit.parts === undefined || isHosted(hit));
}

function saysImage({ spot }: Hit, key: string): boolean {
  return evidenceOf(key, 'none') !== 'none' || /image/i.test(spot.within ?? '');
}

function isVersioned({ written }: Hit): boolean {
  return written.includes('@') || written.slice(written.lastIndexOf('/') + 1).includes(':');
}

function isHosted({ written }: Hit): boolean {
  return /^[^/.:]*[.:][^/]*\//.test(written);
}

function tellsOfTheBuild(key: string): boolean {
  const words = wordsOf(key);
  return words[0] !== 'related' && words.some((word) => NOT_PULLED.has(word));
}

/** The image's own repository without a version identifies the image itself, not an image that it pulls. */
function isOwnName(hit: Hit, image: string): boolean {
  const [own, named] = [tryParseReference(image), tryParseReference(hit.reference)];
  return !isVersioned(hit) && own?.registry === named?.registry && own?.path === named?.path;
}
