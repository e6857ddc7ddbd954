import { AirgapError, messageOf } from '../base/errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { headerOf } from '../http/read.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { readLinks } from '../oci/manifest.ts';
import type { Endpoint } from './api-url.ts';
import { parseComplaint } from './complaint.ts';
import { complain } from './errors.ts';
import { describePlace, type Place } from './hosts.ts';
import type { Session, WholeAnswer } from './session.ts';

/** Bytes of one page: an index, which is a manifest. */
const PAGE_LIMIT = 4 * 1024 * 1024;
/** Milliseconds for the head of a page's answer: it is asked for on the side, and a registry that hangs is not to hold up. */
const PATIENCE = 20_000;
/** Pages of one list; registries put 50 (ECR) to some thousand entries on one. */
const PAGES = 100;
/** Entries of one list; more than 2000 are refused anyway. A hundred pages of 4 MiB would take some GB of memory. */
const ENTRIES = 20_000;

/**
 * The referrers API (distribution specification 1.1, "Listing Referrers"). Which hosts do not have it is learned from
 * the first answer of each, and they are not asked again.
 */
export class ReferrersApi {
  readonly #session: Session;
  readonly #hosts = new Map<string, Promise<boolean>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Descriptors of what has this manifest as its subject, `artifactType` in them; undefined where there is no such API,
   * and the referrers' tag is to be read instead. A list that arrives damaged is asked for again, a few times.
   * @throws AirgapError `unauthorized` or `forbidden` where there may be an API for those who may ask it, `registry`, `network`
   */
  async list(place: Place, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const host = place.asked.registry;
    const known = this.#hosts.get(host);
    if (known !== undefined) return (await known) ? this.#all(place, subject) : undefined;
    const first = this.#all(place, subject);
    // An error says nothing of whether it is there.
    const isThere = first.then(
      (list) => list !== undefined,
      () => true,
    );
    this.#hosts.set(host, isThere);
    return first;
  }

  async #all(place: Place, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const what = `what belongs to ${describePlace(place, subject)}`;
    const found: Descriptor[] = [];
    let next: Endpoint | URL | undefined = { kind: 'referrers', digest: subject };
    for (let page = 1; next !== undefined; page++) {
      if (page > PAGES) throw new AirgapError('registry', `${what}: the list has more than ${PAGES} pages`);
      const { response, bytes } = await this.#session.read(
        {
          method: 'GET',
          repository: place.asked,
          actions: 'pull',
          to: next,
          headers: { accept: MediaType.ociIndex },
          headersTimeout: PATIENCE,
          what,
        },
        PAGE_LIMIT,
        damageOf,
      );
      const isList = isListed(response, bytes);
      // The first page alone tells whether there is such an API: registries of before it answer as they like.
      if (page === 1 && !isList && hasNoApi(response.status)) return undefined;
      if (!isList) {
        throw complain(response, parseComplaint(bytes), { what, registry: place.asked.registry });
      }
      const damage = damageOf({ response, bytes });
      if (damage !== undefined)
        throw new AirgapError('registry', `${what}: ${response.url.host} sends no list: ${damage}`);
      found.push(...readLinks(MediaType.ociIndex, bytes).manifests);
      if (found.length > ENTRIES)
        throw new AirgapError('registry', `${what}: the list has more than ${ENTRIES} entries`);
      next = nextPage([response.headers.link ?? []].flat().join(', '), response.url, what);
    }
    return found;
  }
}

/** Whether an answer is meant as a list: by its type, or, of JSON without a type of its own, by what is in it. */
function isListed(response: HttpResponse, bytes: Uint8Array): boolean {
  const type = headerOf(response, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (response.status !== 200 || type !== 'application/json')
    return response.status === 200 && type === MediaType.ociIndex;
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof json === 'object' && json !== null && 'manifests' in json;
  } catch {
    // A list that arrived damaged.
    return true;
  }
}

/** Why a list cannot be read. It has no digest that would say so: what was changed and still is a list passes. */
function damageOf({ response, bytes }: WholeAnswer): string | undefined {
  if (!isListed(response, bytes)) return undefined;
  try {
    readLinks(MediaType.ociIndex, bytes);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Every answer of a registry that does not know what it was asked. Throttling and its own failures are no such; nor is 401 or
 * 403, behind which there may be signatures that are listed nowhere else (ECR has a permission for the API).
 */
function hasNoApi(status: number): boolean {
  return status < 500 ? ![401, 403, 408, 429].includes(status) : status === 501;
}

/** RFC 8288, as the distribution specification has it for tags and referrers. @throws AirgapError `registry` */
function nextPage(links: string, from: URL, what: string): URL | undefined {
  // A link ends at the next `<`, so that no part is read twice; no URL has one.
  const [, target] = /<([^<>]*)>\s*;\s*rel="?next"?/i.exec(links) ?? [];
  if (target === undefined) return undefined;
  const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
  if (url?.host === from.host) {
    // A registry behind a TLS proxy believes that it is spoken to in plain HTTP.
    url.protocol = from.protocol;
    return url;
  }
  throw new AirgapError('registry', `${what}: ${from.host} continues its list at another place`);
}
