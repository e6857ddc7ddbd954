import { AirgapError } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { headerOf } from '../http/read.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType, isManifestType, MANIFEST_TYPES, MediaType } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts';
import { complain, parseComplaint, registryError } from './errors.ts';
import { describePlace, type Place } from './hosts.ts';
import { contentDigest, type RegistryRequest, type Session } from './session.ts';

/** Bytes; what the distribution specification asks registries to take, and ECR's limit. */
const MANIFEST_LIMIT = 4 * 1024 * 1024;

/**
 * Fetches a manifest and verifies it against the digest asked for and the one the registry announces.
 * @throws AirgapError `image-not-found`, `unauthorized`, `forbidden`, `digest-mismatch`, `unsupported` (schema 1)
 */
export async function getManifest(session: Session, place: Place, tagOrDigest: string): Promise<ManifestContent> {
  const what = describePlace(place, tagOrDigest);
  const { response, bytes } = await session.read(manifestRequest('GET', place, tagOrDigest), MANIFEST_LIMIT);
  if (response.status !== 200) {
    const complaint = parseComplaint(bytes, response);
    throw complain(response, complaint, { what, registry: place.asked.registry });
  }
  const announced = contentDigest(response);
  for (const expected of [tagOrDigest, announced]) {
    if (expected === undefined || !isDigest(expected)) continue;
    const actual = digestOf(bytes, algorithmOf(expected));
    if (actual !== expected) {
      throw new AirgapError(
        'digest-mismatch',
        `${what}: ${response.url.host} sends a manifest that is ${actual} and not ${expected}`,
        {
          hint: 'a proxy or mirror in between may change or mix up content; try again, or ask the registry itself',
        },
      );
    }
  }
  const digest = isDigest(tagOrDigest) ? tagOrDigest : digestOf(bytes);
  return { descriptor: { mediaType: mediaTypeOf(response, bytes, what), digest, size: bytes.length }, bytes };
}

/** Describes a manifest without fetching it (HEAD, which Docker Hub does not count); undefined when it is not there. */
export async function headManifest(
  session: Session,
  place: Place,
  tagOrDigest: string,
): Promise<Descriptor | undefined> {
  const what = describePlace(place, tagOrDigest);
  const response = await session.send(manifestRequest('HEAD', place, tagOrDigest));
  response.body.resume();
  if (response.status === 404) return undefined;
  // 405: some registries know no HEAD here.
  if (response.status !== 200 && response.status !== 405) {
    throw await registryError(response, { what, registry: place.asked.registry });
  }
  const digest = contentDigest(response);
  const mediaType = contentTypeOf(response);
  const size = Number(headerOf(response, 'content-length') ?? Number.NaN);
  const complete = digest !== undefined && isDigest(digest) && isReadable(mediaType) && Number.isSafeInteger(size);
  if (response.status === 200 && complete) {
    if (isDigest(tagOrDigest) && algorithmOf(tagOrDigest) === algorithmOf(digest) && digest !== tagOrDigest) {
      throw new AirgapError('digest-mismatch', `${what}: ${response.url.host} answers with ${digest}`);
    }
    return { mediaType, digest: isDigest(tagOrDigest) ? tagOrDigest : digest, size };
  }
  try {
    return (await getManifest(session, place, tagOrDigest)).descriptor;
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'image-not-found') return undefined;
    throw error;
  }
}

function manifestRequest(method: 'GET' | 'HEAD', place: Place, tagOrDigest: string): RegistryRequest {
  return {
    method,
    repository: place.asked,
    actions: 'pull',
    path: `manifests/${tagOrDigest}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
    what: describePlace(place, tagOrDigest),
  };
}

/** The media type as served; the one inside where the server says nothing useful; the shape where neither does. */
function mediaTypeOf(response: HttpResponse, bytes: Uint8Array, what: string): string {
  const served = contentTypeOf(response);
  if (isReadable(served)) return served;
  if (served === MediaType.dockerSchema1 || served === MediaType.dockerSchema1Signed) throw schema1(what);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new AirgapError('registry', `${what}: ${response.url.host} sends a manifest that is not JSON`, { cause });
  }
  if (json?.schemaVersion === 1) throw schema1(what);
  if (typeof json?.mediaType === 'string' && isReadable(json.mediaType)) return json.mediaType;
  if (json?.mediaType === undefined && Array.isArray(json?.manifests)) return MediaType.ociIndex;
  if (json?.mediaType === undefined && Array.isArray(json?.layers)) return MediaType.ociManifest;
  const type = JSON.stringify(json?.mediaType ?? served).slice(0, 120);
  throw new AirgapError('unsupported', `${what}: ${response.url.host} sends a manifest of an unknown type, ${type}`);
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
