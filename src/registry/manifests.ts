import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import { parseErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { responseHeader } from '../http/response-body.ts';
import { pageText, pageTitle, WEB_PAGE_HINT } from '../http/web-page.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Descriptor, isIndexType, isManifestType, MANIFEST_TYPES, MediaType } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts';
import { declaredMediaType, SCHEMA1_HINT } from '../oci/manifest.ts';
import { errorFromBody, registryError } from './errors.ts';
import { describeRoute, type RepositoryRoute } from './routes.ts';
import { contentDigest, type FullResponse, type RegistryRequest, type Session } from './session.ts';

/**
 * Maximum bytes of a manifest: the size that registries should accept (distribution specification), and ECR's limit.
 */
const MANIFEST_LIMIT = 4 * 1024 * 1024;
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';

/**
 * Fetches a manifest and verifies it against the requested digest and the digest header. A damaged one is retried a few
 * times.
 * @throws AirgapError `image-not-found`, `unauthorized`, `forbidden`, `digest-mismatch`, `unsupported` (schema 1)
 */
export async function getManifest(
  session: Session,
  route: RepositoryRoute,
  tagOrDigest: string,
): Promise<ManifestContent> {
  const what = describeRoute(route, tagOrDigest);
  const checkDamage = (fullResponse: FullResponse): string | undefined =>
    findDamage(fullResponse, what, tagOrDigest)?.message;
  const fullResponse = await session.read(manifestRequest('GET', route, tagOrDigest), MANIFEST_LIMIT, checkDamage);
  const { response, bytes } = fullResponse;
  if (response.status !== 200) {
    const errorBody = parseErrorBody(bytes);
    throw errorFromBody(response, errorBody, { what, registry: route.actual.registry });
  }
  const damageError = findDamage(fullResponse, what, tagOrDigest);
  if (damageError !== undefined && !(await isDigestHeaderWrong(session, route, tagOrDigest, fullResponse)))
    throw damageError;
  const digest = isDigest(tagOrDigest) ? tagOrDigest : digestOf(bytes);
  return { descriptor: { mediaType: mediaTypeOf(response, bytes, what), digest, size: bytes.length }, bytes };
}

/**
 * Checks that a response is the requested manifest. Returns an error, or undefined for a match or an error response.
 */
function findDamage({ response, bytes }: FullResponse, what: string, tagOrDigest: string): AirgapError | undefined {
  if (response.status !== 200) return undefined;
  const expected = [tagOrDigest, contentDigest(response)].filter((digest) => digest !== undefined && isDigest(digest));
  for (const digest of expected) {
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual === digest) continue;
    const detail = `${actual} instead of ${digest}`;
    const hint = 'a proxy or mirror may have changed or mixed up content: try again, or bypass it';
    const reason = `${response.url.host} sent a manifest with another digest`;
    return new AirgapError('digest-mismatch', reason, { subject: what, detail, hint });
  }
  // Without a digest, a truncated manifest is still detected: it is not valid JSON.
  return expected.length > 0 || parseJson(bytes) !== undefined ? undefined : notAManifestError(response, bytes, what);
}

/**
 * Reports whether the digest header for a tag is wrong but the manifest is right: the registry has the manifest under
 * its actual digest, and nothing under the announced one. If both existed, the meaning of the tag would be ambiguous.
 * Other clients ignore this header for tags, since it is unreliable (go-containerregistry, pkg/v1/remote/fetcher.go).
 */
async function isDigestHeaderWrong(
  session: Session,
  route: RepositoryRoute,
  tagOrDigest: string,
  fullResponse: FullResponse,
): Promise<boolean> {
  const announced = digestHeader(fullResponse.response);
  if (isDigest(tagOrDigest) || announced === undefined) return false;
  const exists = async (digest: Digest): Promise<boolean> => {
    try {
      await getManifest(session, route, digest);
      return true;
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'image-not-found') return false;
      throw error;
    }
  };
  try {
    return (await exists(digestOf(fullResponse.bytes))) && !(await exists(announced));
  } catch {
    return false;
  }
}

/**
 * Describes a manifest without fetching it (HEAD, which Docker Hub does not count); undefined when it does not exist.
 * The size is the registry's claim, which is unreliable in HEAD responses.
 */
export async function headManifest(
  session: Session,
  route: RepositoryRoute,
  tagOrDigest: string,
): Promise<Descriptor | undefined> {
  const what = describeRoute(route, tagOrDigest);
  const response = await session.send(manifestRequest('HEAD', route, tagOrDigest));
  response.body.resume();
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw await registryError(response, { what, registry: route.actual.registry });
  const digest = contentDigest(response);
  const mediaType = contentTypeOf(response);
  const size = Number(responseHeader(response, 'content-length') ?? Number.NaN);
  // Some proxies report 0 bytes.
  const isComplete =
    digest !== undefined && isDigest(digest) && isSupportedType(mediaType) && Number.isSafeInteger(size) && size > 0;
  // A response with another digest than the requested one is unreliable, too. The manifest itself can be verified.
  if (isComplete && !contradicts(digest, tagOrDigest)) {
    return { mediaType, digest: isDigest(tagOrDigest) ? tagOrDigest : digest, size };
  }
  try {
    return (await getManifest(session, route, tagOrDigest)).descriptor;
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'image-not-found') return undefined;
    throw error;
  }
}

/** Reports whether two digests of the same algorithm differ; others cannot be compared. */
function contradicts(digest: Digest, requested: string): boolean {
  return isDigest(requested) && algorithmOf(requested) === algorithmOf(digest) && digest !== requested;
}

function manifestRequest(method: 'GET' | 'HEAD', route: RepositoryRoute, tagOrDigest: string): RegistryRequest {
  return {
    method,
    repository: route.actual,
    actions: 'pull',
    endpoint: { kind: 'manifests', reference: tagOrDigest },
    headers: { accept: MANIFEST_TYPES.join(', ') },
    what: describeRoute(route, tagOrDigest),
  };
}

/**
 * Returns the media type declared in the document, which is covered by the digest. The header is not: ACR serves Docker
 * indexes as OCI indexes, and caches keep the type of a tag's previous manifest. Without a declared type, the header
 * decides; without a usable header, the structure. `parseManifest` rejects ambiguous documents.
 */
function mediaTypeOf(response: HttpResponse, bytes: Uint8Array, what: string): string {
  const served = contentTypeOf(response);
  const document = parseJson(bytes);
  if (document === undefined) throw notAManifestError(response, bytes, what);
  const json = (document ?? {}) as Record<string, unknown>;
  const declared = declaredMediaType(json);
  const type = declared ?? served;
  if (typeof type === 'string' && isSupportedType(type))
    return declared === undefined ? undeclaredType(type, json) : type;
  if (type === MediaType.dockerSchema1 || type === MediaType.dockerSchema1Signed || json.schemaVersion === 1) {
    throw schema1Error(what);
  }
  if (declared === undefined && Array.isArray(json.manifests)) return MediaType.ociIndex;
  if (declared === undefined && Array.isArray(json.layers)) return MediaType.ociManifest;
  const shown = typeof type === 'string' ? JSON.stringify(type).slice(0, 120) : '(mediaType is not a string)';
  throw new AirgapError('unsupported', `${response.url.host} sent a manifest of unknown type ${shown}`, {
    subject: what,
  });
}

/**
 * Returns the type of a document without a declared media type. Docker manifests always declare one, and registries
 * reject those that do not; Nexus serves OCI manifests as Docker's.
 */
function undeclaredType(served: string, { config }: Readonly<Record<string, unknown>>): string {
  if (served !== MediaType.dockerManifest) return served;
  const { mediaType } = (config ?? {}) as { mediaType?: unknown };
  return mediaType === OCI_CONFIG ? MediaType.ociManifest : served;
}

/**
 * Creates the error for a response that is not a manifest: from a login page, a captive portal or a server that is not
 * a registry.
 */
function notAManifestError({ url }: HttpResponse, bytes: Uint8Array, what: string): AirgapError {
  const text = Buffer.from(bytes).toString('utf8').trim();
  const page = pageText(text);
  if (page === undefined)
    return new AirgapError('registry', `${url.host} sent a manifest that is not JSON`, { subject: what });
  const title = quoted(pageTitle(text) || page);
  return new AirgapError('registry', `${url.host} sent a web page (HTML, ${title}) instead of a manifest`, {
    subject: what,
    hint: WEB_PAGE_HINT,
  });
}

/** Parses JSON; undefined when it is invalid. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function contentTypeOf(response: HttpResponse): string {
  return (responseHeader(response, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function isSupportedType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

function schema1Error(what: string): AirgapError {
  return new AirgapError(
    'unsupported',
    `manifests of Docker schema 1 are not supported, as registries no longer accept them`,
    {
      subject: what,
      hint: SCHEMA1_HINT,
    },
  );
}

/** Returns the digest header if it is a valid digest of a supported algorithm. */
export function digestHeader(response: HttpResponse): Digest | undefined {
  const text = contentDigest(response);
  return text !== undefined && isDigest(text) ? text : undefined;
}
