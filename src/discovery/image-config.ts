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

/** What an image config describes of its own image by convention: title, source, base image, how it was built. */
const DESCRIBES_ITSELF =
  /^(?:org\.opencontainers\.image|org\.label-schema|com\.docker|desktop\.docker|io\.buildpacks|io\.paketo|io\.buildah|io\.openshift\.(?:build|s2i))\./;
/** Names of what an image was made from, or tells people: nobody pulls that, however much it looks like an image. */
const NOT_PULLED = new Set(
  'base parent build builder buildpack buildpacks from source description summary usage help documentation'.split(' '),
);

/**
 * References in the environment and the labels of an image config (OCI image specification 1.1, config.md; Docker's has
 * the same fields): defaults that an operator's image brings along for what it creates. Stricter than in manifests, since
 * most of a config tells where the image itself comes from; never `certain`.
 * @param config the parsed config, whatever it is
 * @param image the reference that carries it, normalised
 * @param context of the place that names the carrying image
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
      // A container's own environment comes before its image's.
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

/** The walk of manifests over entries that may say what is pulled; each hit with the name of its entry. */
function hitsIn(entries: readonly Entry[], accepts: (hit: Hit, key: string) => boolean): { key: string; hit: Hit }[] {
  const worth = entries.filter(({ key = '' }) => !DESCRIBES_ITSELF.test(key) && !tellsOfTheBuild(key));
  const keys = new Map(worth.map(({ key = '', spot }) => [spot.path, key]));
  const walk = new Walk();
  walk.entries(worth, { ...START, how: 'image-config' });
  return walk.hits.flatMap((hit) => {
    const key = keys.get(hit.spot.path) ?? '';
    const taken = hit.confidence !== 'possible' && !tellsOfTheBuild(hit.spot.within ?? '') && accepts(hit, key);
    return taken ? [{ key, hit }] : [];
  });
}

/** What names no registry, or no version, needs a name that says image; parts of a name are mostly the image's own. */
function isDefault(hit: Hit, key: string): boolean {
  if (!saysImage(hit, key) || hit.parts !== undefined) return isVersioned(hit) && isHosted(hit);
  return isVersioned(hit) || isHosted(hit);
}

/** No software reads its own labels, so those have to say that they name an image. */
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

/** An image that says its own repository without a version says who it is, not what it pulls. */
function isOwnName(hit: Hit, image: string): boolean {
  const [own, named] = [tryParseReference(image), tryParseReference(hit.reference)];
  return !isVersioned(hit) && own?.registry === named?.registry && own?.path === named?.path;
}
