import { AirgapError, messageOf } from '../base/errors.ts';
import { parseErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { nextLink } from '../http/link-header.ts';
import { responseHeader } from '../http/response-body.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Endpoint } from './api-url.ts';
import { errorFromBody } from './errors.ts';
import { describeRoute, type RepositoryRoute } from './routes.ts';
import type { FullResponse, Session } from './session.ts';

/** Maximum bytes of one page: an image index, with the limit of a manifest. */
const PAGE_LIMIT = 4 * 1024 * 1024;
/** Milliseconds to wait for a page: referrers are optional, and a hanging registry should not delay the run. */
const PAGE_TIMEOUT = 20_000;
/** Maximum pages of one list; registries return from 50 (ECR) to some thousand entries per page. */
const MAX_PAGES = 100;
/** Maximum entries of one list; callers reject more than 2000. 100 pages of 4 MiB would take several GB of memory. */
const MAX_ENTRIES = 20_000;

/**
 * Client of the referrers API (distribution specification 1.1, "Listing Referrers"). Remembers hosts without the API
 * after their first response, and sends them no further requests.
 */
export class ReferrersApi {
  readonly #session: Session;
  readonly #hosts = new Map<string, Promise<boolean>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Lists the descriptors of a manifest's referrers, with `artifactType`; undefined when the registry has no such API
   * and the referrers tag schema applies. A damaged list is retried a few times.
   * @throws AirgapError `unauthorized` or `forbidden` when the API may exist for other credentials, `registry`,
   * `network`
   */
  async list(route: RepositoryRoute, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const host = route.actual.registry;
    const knownApi = this.#hosts.get(host);
    if (knownApi !== undefined) return (await knownApi) ? this.#fetchAll(route, subject) : undefined;
    const first = this.#fetchAll(route, subject);
    // After an error, the API may still exist.
    const hasApi = first.then(
      (list) => list !== undefined,
      () => true,
    );
    this.#hosts.set(host, hasApi);
    return first;
  }

  async #fetchAll(route: RepositoryRoute, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const what = `referrers of ${describeRoute(route, subject)}`;
    const found: Descriptor[] = [];
    let next: Endpoint | URL | undefined = { kind: 'referrers', digest: subject };
    for (let page = 1; next !== undefined; page++) {
      if (page > MAX_PAGES)
        throw new AirgapError('registry', `the list has more than ${MAX_PAGES} pages`, { subject: what });
      const { response, bytes } = await this.#session.read(
        {
          method: 'GET',
          repository: route.actual,
          actions: 'pull',
          endpoint: next,
          headers: { accept: MediaType.ociIndex },
          headersTimeout: PAGE_TIMEOUT,
          what,
        },
        PAGE_LIMIT,
        findDamage,
      );
      const isReferrersPage = isReferrersList(response, bytes);
      // Only the first page shows whether the API exists: registries without it send arbitrary responses.
      if (page === 1 && !isReferrersPage && lacksReferrersApi(response.status)) return undefined;
      if (!isReferrersPage) {
        throw errorFromBody(response, parseErrorBody(bytes), { what, registry: route.actual.registry });
      }
      const damage = findDamage({ response, bytes });
      if (damage !== undefined)
        throw new AirgapError('registry', `${response.url.host} sent an invalid list: ${damage}`, { subject: what });
      found.push(...parseManifest(MediaType.ociIndex, bytes).manifests);
      if (found.length > MAX_ENTRIES)
        throw new AirgapError('registry', `the list has more than ${MAX_ENTRIES} entries`, { subject: what });
      next = nextPage(response, what);
    }
    return found;
  }
}

/** Reports whether a response is meant as a list, by its content type or, for generic JSON, by its content. */
function isReferrersList(response: HttpResponse, bytes: Uint8Array): boolean {
  const type = responseHeader(response, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (response.status !== 200 || type !== 'application/json')
    return response.status === 200 && type === MediaType.ociIndex;
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof json === 'object' && json !== null && 'manifests' in json;
  } catch {
    // A damaged list.
    return true;
  }
}

/** Returns the reason why a list is unreadable; undefined for a valid list. There is no digest to verify it against. */
function findDamage({ response, bytes }: FullResponse): string | undefined {
  if (!isReferrersList(response, bytes)) return undefined;
  try {
    parseManifest(MediaType.ociIndex, bytes);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Reports whether a status means that the registry does not know the API. Throttling and server errors do not, nor do
 * 401 and 403: the referrers may be listed nowhere else (ECR has a permission for the API).
 */
function lacksReferrersApi(status: number): boolean {
  return status < 500 ? ![401, 403, 408, 429].includes(status) : status === 501;
}

/** Returns the URL of the next page. @throws AirgapError `registry` for another host */
function nextPage(response: HttpResponse, what: string): URL | undefined {
  const from = response.url;
  const url = nextLink(response);
  if (url === undefined) return undefined;
  if (url.host === from.host) {
    // A registry behind a TLS proxy may return an http URL.
    url.protocol = from.protocol;
    return url;
  }
  throw new AirgapError('registry', `${from.host} continues its list at another host`, { subject: what });
}
