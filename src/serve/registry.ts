import { compareText } from '../base/text-order.ts';
import type { ManifestContent } from '../oci/content.ts';
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer } from './answer.ts';
import type { ServedBlob, ServedContent, ServedRepository } from './content.ts';
import { compareTags, pageAnswer, pageOf, referrersAnswer } from './lists.ts';
import { parseRange } from './range.ts';
import { parseRoute, type Route } from './route.ts';

/** The parts of a request that decide the answer. */
export interface RegistryRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly headers: {
    readonly range?: string | undefined;
    readonly 'if-none-match'?: string | undefined;
    readonly 'if-range'?: string | undefined;
  };
}

/** A digest names the same bytes for ever. */
const IMMUTABLE = 'max-age=31536000, immutable';

/**
 * Answers requests by the pull and the discovery category of the distribution specification 1.1. Everything that would
 * write is refused.
 */
export class Registry {
  readonly #content: ServedContent;
  readonly #names: readonly string[];
  readonly #sortedTags = new Map<ServedRepository, readonly string[]>();

  constructor(content: ServedContent) {
    this.#content = content;
    this.#names = [...content.keys()].sort(compareText);
  }

  answer({ method, target, headers }: RegistryRequest): Answer {
    if (method !== 'GET' && method !== 'HEAD') {
      return errorAnswer(405, 'UNSUPPORTED', 'this registry is read-only', { Allow: 'GET, HEAD' });
    }
    const route = parseRoute(target);
    switch (route.kind) {
      case 'base':
        return jsonAnswer({});
      case 'catalog':
        return pageAnswer(pageOf(this.#names, route.query, compareText), '/v2/_catalog', (repositories) => ({
          repositories,
        }));
      case 'unknown':
        return errorAnswer(404, 'UNSUPPORTED', 'this is no endpoint of a registry');
      case 'invalid-name':
        return errorAnswer(400, 'NAME_INVALID', 'the name of the repository is invalid');
      case 'invalid-digest':
        return errorAnswer(400, 'DIGEST_INVALID', 'the digest is invalid');
    }
    const repository = this.#content.get(route.name);
    if (repository === undefined) return errorAnswer(404, 'NAME_UNKNOWN', 'there is no such repository');
    return this.#fromRepository(repository, route, headers);
  }

  #fromRepository(
    repository: ServedRepository,
    route: Extract<Route, { readonly name: string }>,
    headers: RegistryRequest['headers'],
  ): Answer {
    switch (route.kind) {
      case 'tags': {
        const { name, query } = route;
        const page = pageOf(this.#tagsOf(repository), query, compareTags);
        return pageAnswer(page, `/v2/${name}/tags/list`, (tags) => ({ name, tags }));
      }
      case 'referrers':
        return referrersAnswer(repository.referrers.get(route.digest) ?? [], route.query);
      case 'manifest': {
        const { reference } = route;
        const [tagged, manifest] = [repository.tags.get(reference), repository.manifests.get(reference)];
        const found = manifest ?? tagged;
        if (found === undefined) return errorAnswer(404, 'MANIFEST_UNKNOWN', 'there is no such manifest');
        return manifestAnswer(found, manifest !== undefined, headers);
      }
      case 'blob': {
        const blob = repository.blobs.get(route.digest);
        return blob === undefined
          ? errorAnswer(404, 'BLOB_UNKNOWN', 'there is no such blob')
          : blobAnswer(blob, headers);
      }
    }
  }

  #tagsOf(repository: ServedRepository): readonly string[] {
    const known = this.#sortedTags.get(repository);
    if (known !== undefined) return known;
    const sorted = [...repository.tags.keys()].sort(compareTags);
    this.#sortedTags.set(repository, sorted);
    return sorted;
  }
}

function manifestAnswer(
  { descriptor: { mediaType, digest }, bytes }: ManifestContent,
  isByDigest: boolean,
  headers: RegistryRequest['headers'],
): Answer {
  const named = digestHeaders(digest, isByDigest);
  if (isUnchanged(headers, digest)) return emptyAnswer(304, named);
  return { status: 200, headers: { 'Content-Type': mediaType, ...named }, body: bytes };
}

function blobAnswer(blob: ServedBlob, headers: RegistryRequest['headers']): Answer {
  const { digest, size } = blob;
  const named = { ...digestHeaders(digest, true), 'Accept-Ranges': 'bytes' };
  if (isUnchanged(headers, digest)) return emptyAnswer(304, named);
  const ifRange = headers['if-range'];
  const isRangeOfThis = ifRange === undefined || ifRange === etagOf(digest);
  const range = isRangeOfThis ? parseRange(headers.range, size) : undefined;
  if (range === 'unsatisfiable') return emptyAnswer(416, { 'Content-Range': `bytes */${size}` });
  const described = { 'Content-Type': 'application/octet-stream', ...named };
  if (range === undefined) return { status: 200, headers: described, body: { blob, start: 0, end: size } };
  const contentRange = `bytes ${range.start}-${range.end - 1}/${size}`;
  return { status: 206, headers: { ...described, 'Content-Range': contentRange }, body: { blob, ...range } };
}

function digestHeaders(digest: string, isByDigest: boolean): Readonly<Record<string, string>> {
  return {
    'Docker-Content-Digest': digest,
    ETag: etagOf(digest),
    ...(isByDigest && { 'Cache-Control': IMMUTABLE }),
  };
}

function etagOf(digest: string): string {
  return `"${digest}"`;
}

/** Reports whether the client has the content already (`If-None-Match`). */
function isUnchanged({ 'if-none-match': tags }: RegistryRequest['headers'], digest: string): boolean {
  return tags?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etagOf(digest)) ?? false;
}
