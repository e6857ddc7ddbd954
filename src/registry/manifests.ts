import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { headerOf } from '../http/read.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType, isManifestType, MANIFEST_TYPES, MediaType } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts';
import { typeInside } from '../oci/manifest.ts';
import { parseComplaint } from './complaint.ts';
import { complain, registryError } from './errors.ts';
import { describePlace, type Place } from './hosts.ts';
import { contentDigest, type RegistryRequest, type Session, type WholeAnswer } from './session.ts';
import { NO_REGISTRY, pageText, pageTitle } from './web-page.ts';

/** Bytes; what the distribution specification asks registries to take, and ECR's limit. */
const MANIFEST_LIMIT = 4 * 1024 * 1024;
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';

/**
 * Fetches a manifest and verifies it against the digest asked for and the one the registry announces. One that is damaged
 * is asked for again, a few times.
 * @throws AirgapError `image-not-found`, `unauthorized`, `forbidden`, `digest-mismatch`, `unsupported` (schema 1)
 */
export async function getManifest(session: Session, place: Place, tagOrDigest: string): Promise<ManifestContent> {
  const what = describePlace(place, tagOrDigest);
  const damage = (answer: WholeAnswer): string | undefined => damageOf(answer, what, tagOrDigest)?.message;
  const answer = await session.read(manifestRequest('GET', place, tagOrDigest), MANIFEST_LIMIT, damage);
  const { response, bytes } = answer;
  if (response.status !== 200) {
    const complaint = parseComplaint(bytes);
    throw complain(response, complaint, { what, registry: place.asked.registry });
  }
  const damaged = damageOf(answer, what, tagOrDigest);
  if (damaged !== undefined && !(await isMisnamed(session, place, tagOrDigest, answer))) throw damaged;
  const digest = isDigest(tagOrDigest) ? tagOrDigest : digestOf(bytes);
  return { descriptor: { mediaType: mediaTypeOf(response, bytes, what), digest, size: bytes.length }, bytes };
}

/** Why an answer is not the manifest that was asked for; undefined for one that is, or is none. */
function damageOf({ response, bytes }: WholeAnswer, what: string, tagOrDigest: string): AirgapError | undefined {
  if (response.status !== 200) return undefined;
  const expected = [tagOrDigest, contentDigest(response)].filter((digest) => digest !== undefined && isDigest(digest));
  for (const digest of expected) {
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual === digest) continue;
    const message = `${what}: ${response.url.host} sends a manifest that is ${actual} and not ${digest}`;
    const hint = 'a proxy or mirror in between may change or mix up content; try again, or ask the registry itself';
    return new AirgapError('digest-mismatch', message, { hint });
  }
  // Where nobody says the digest, an answer that was cut still shows.
  return expected.length > 0 || parsed(bytes) !== undefined ? undefined : notAManifest(response, bytes, what);
}

/**
 * Whether the digest that came with a tag is wrong, and the manifest right: the registry has the manifest under its own
 * digest, and nothing under the announced one. Were both there, nobody could tell which of them the tag stands for. Other
 * clients do not look at this header of a tag at all, since registries send what they like (go-containerregistry,
 * pkg/v1/remote/fetcher.go).
 */
async function isMisnamed(session: Session, place: Place, tagOrDigest: string, answer: WholeAnswer): Promise<boolean> {
  const announced = digestHeader(answer.response);
  if (isDigest(tagOrDigest) || announced === undefined) return false;
  const isThere = async (digest: Digest): Promise<boolean> => {
    try {
      await getManifest(session, place, digest);
      return true;
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'image-not-found') return false;
      throw error;
    }
  };
  try {
    return (await isThere(digestOf(answer.bytes))) && !(await isThere(announced));
  } catch {
    return false;
  }
}

/**
 * Describes a manifest without fetching it (HEAD, which Docker Hub does not count); undefined when it is not there. The
 * size is what the registry says, and with a HEAD registries and proxies say what they like.
 */
export async function headManifest(
  session: Session,
  place: Place,
  tagOrDigest: string,
): Promise<Descriptor | undefined> {
  const what = describePlace(place, tagOrDigest);
  const response = await session.send(manifestRequest('HEAD', place, tagOrDigest));
  response.body.resume();
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw await registryError(response, { what, registry: place.asked.registry });
  const digest = contentDigest(response);
  const mediaType = contentTypeOf(response);
  const size = Number(headerOf(response, 'content-length') ?? Number.NaN);
  // No manifest has 0 bytes.
  const complete =
    digest !== undefined && isDigest(digest) && isReadable(mediaType) && Number.isSafeInteger(size) && size > 0;
  // One that names another digest than it was asked for says nothing, either: the manifest itself can be checked.
  if (complete && !contradicts(digest, tagOrDigest)) {
    return { mediaType, digest: isDigest(tagOrDigest) ? tagOrDigest : digest, size };
  }
  try {
    return (await getManifest(session, place, tagOrDigest)).descriptor;
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'image-not-found') return undefined;
    throw error;
  }
}

/** Digests of different algorithms cannot be compared. */
function contradicts(digest: Digest, asked: string): boolean {
  return isDigest(asked) && algorithmOf(asked) === algorithmOf(digest) && digest !== asked;
}

function manifestRequest(method: 'GET' | 'HEAD', place: Place, tagOrDigest: string): RegistryRequest {
  return {
    method,
    repository: place.asked,
    actions: 'pull',
    to: { kind: 'manifests', reference: tagOrDigest },
    headers: { accept: MANIFEST_TYPES.join(', ') },
    what: describePlace(place, tagOrDigest),
  };
}

/**
 * The media type that the document gives itself. Its digest is verified, while the header may come from a cache or from
 * who converts (ACR serves Docker's indexes as OCI's, caches keep the type of what a tag was before). Of a document that
 * does not say it, the type as served, and where that is none, the shape. `readLinks` refuses what can be read both ways.
 */
function mediaTypeOf(response: HttpResponse, bytes: Uint8Array, what: string): string {
  const served = contentTypeOf(response);
  const document = parsed(bytes);
  if (document === undefined) throw notAManifest(response, bytes, what);
  const json = (document ?? {}) as Record<string, unknown>;
  const inside = typeInside(json);
  const type = inside ?? served;
  if (typeof type === 'string' && isReadable(type)) return inside === undefined ? unlabelled(type, json) : type;
  if (type === MediaType.dockerSchema1 || type === MediaType.dockerSchema1Signed || json.schemaVersion === 1) {
    throw schema1(what);
  }
  if (inside === undefined && Array.isArray(json.manifests)) return MediaType.ociIndex;
  if (inside === undefined && Array.isArray(json.layers)) return MediaType.ociManifest;
  const shown = typeof type === 'string' ? JSON.stringify(type).slice(0, 120) : 'which is not even a text';
  throw new AirgapError('unsupported', `${what}: ${response.url.host} sends a manifest of an unknown type, ${shown}`);
}

/**
 * What a document without a media type is that was served as this. Docker's always have one inside, and registries refuse
 * those that have not; Nexus serves OCI manifests as Docker's.
 */
function unlabelled(served: string, { config }: Readonly<Record<string, unknown>>): string {
  if (served !== MediaType.dockerManifest) return served;
  const { mediaType } = (config ?? {}) as { mediaType?: unknown };
  return mediaType === OCI_CONFIG ? MediaType.ociManifest : served;
}

/**
 * The error for an answer that should have been a manifest and is none: of a login page, a captive portal or a server that
 * is no registry.
 */
function notAManifest({ url }: HttpResponse, bytes: Uint8Array, what: string): AirgapError {
  const text = Buffer.from(bytes).toString('utf8').trim();
  const page = pageText(text);
  if (page === undefined) return new AirgapError('registry', `${what}: ${url.host} sends a manifest that is not JSON`);
  const title = quoted(pageTitle(text) || page);
  return new AirgapError('registry', `${what}: ${url.host} sends a web page (HTML, ${title}) and no manifest`, {
    hint: NO_REGISTRY,
  });
}

/** What JSON says; undefined for bytes that are none. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function contentTypeOf(response: HttpResponse): string {
  return (headerOf(response, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function isReadable(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

function schema1(what: string): AirgapError {
  return new AirgapError('unsupported', `${what}: a manifest of Docker schema 1, which registries no longer accept`, {
    hint: 'have the image pushed again with a Docker of this decade (schema 2 or OCI)',
  });
}

/** The digest of an answer's header when it is one that can be verified. */
export function digestHeader(response: HttpResponse): Digest | undefined {
  const text = contentDigest(response);
  return text !== undefined && isDigest(text) ? text : undefined;
}
