import { createHash, randomUUID } from 'node:crypto';
import { json, refusal } from './answers.ts';
import { getManifest, putManifest, referrers } from './manifests.ts';
import { type Answer, type EcrState, missingRepository, type StoredRepository } from './state.ts';

/** A request to the data plane, with its body. */
export interface DataRequest {
  readonly method: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Data plane: the distribution API with ECR's deviations. */
export class DataPlane {
  readonly #state: EcrState;
  readonly #storage: string;
  readonly #authorize: (request: DataRequest) => Answer | undefined;
  readonly #uploads = new Map<string, { repository: StoredRepository; bytes: Buffer }>();

  /**
   * @param storage `http://HOST:PORT` that blob downloads are redirected to
   * @param authorize returns the refusal of a request
   */
  constructor(
    state: EcrState,
    storage: string,
    authorize = (request: DataRequest): Answer | undefined => basic(state, request),
  ) {
    this.#state = state;
    this.#storage = storage;
    this.#authorize = authorize;
  }

  answer(request: DataRequest): Answer {
    const state = this.#state;
    const { method, url } = request;
    const denied = this.#authorize(request);
    if (denied !== undefined) return denied;
    const fault = state.takeFault(`${method} ${url.pathname}${url.search}`);
    if (fault !== undefined) {
      const { status = 429, code = 'TOOMANYREQUESTS', message = 'Rate exceeded' } = fault;
      return refusal(status, code, message);
    }
    if (url.pathname === '/v2/') return { status: 200 };
    const path = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|referrers|tags)\/([^/]*)$/.exec(url.pathname);
    if (path === null) return refusal(404, 'UNSUPPORTED', 'no such address');
    const [, name = '', kind, what = ''] = path;
    const repository = state.repositoryFor(name, method === 'POST');
    if (repository === undefined) return refusal(404, 'NAME_UNKNOWN', missingRepository(state, name));
    switch (`${method} ${kind}`) {
      case 'POST blobs/uploads':
        return this.#start(repository, url);
      case 'PATCH blobs/uploads':
        return this.#patch(what, request.body);
      case 'PUT blobs/uploads':
        return this.#finish(repository, what, url.searchParams.get('digest') ?? '', request.body);
      case 'HEAD blobs':
      case 'GET blobs':
        return this.#blob(method, repository, what);
      case 'HEAD manifests':
      case 'GET manifests':
        return getManifest(repository, what);
      case 'PUT manifests':
        return putManifest(repository, what, request.contentType, request.body);
      case 'GET referrers':
        return referrers(repository, what);
      case 'GET tags':
        return json(200, { name, tags: [...repository.tags.keys()] });
      default:
        return refusal(405, 'UNSUPPORTED', `${method} is not for ${kind}`);
    }
  }

  #start(repository: StoredRepository, url: URL): Answer {
    const { searchParams: query } = url;
    const from = this.#state.repositories.get(query.get('from') ?? '');
    const mount = query.get('mount') ?? '';
    const bytes = from?.blobs.get(mount);
    // Only blobs of a manifest in the other repository can be mounted; otherwise an upload starts.
    if (this.#state.blobMounting && from !== undefined && bytes !== undefined && isCommitted(from, mount)) {
      repository.blobs.set(mount, bytes);
      return stored(repository, mount);
    }
    const id = randomUUID();
    this.#uploads.set(id, { repository, bytes: Buffer.alloc(0) });
    const location = `${url.origin}/v2/${repository.name}/blobs/uploads/${id}`;
    return { status: 202, headers: { location, range: '0-0', 'docker-upload-uuid': id } };
  }

  /** Answers 201, and loses all chunks after the first: Range no longer advances (containers-roadmap#2831). */
  #patch(id: string, body: Buffer): Answer {
    const upload = this.#uploads.get(id);
    if (upload === undefined) return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload');
    if (upload.bytes.length === 0) upload.bytes = body;
    const location = `/v2/${upload.repository.name}/blobs/uploads/${id}`;
    return { status: 201, headers: { location, range: `0-${Math.max(0, upload.bytes.length - 1)}` } };
  }

  #finish(repository: StoredRepository, id: string, digest: string, body: Buffer): Answer {
    const upload = this.#uploads.get(id);
    if (upload?.repository !== repository) return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload');
    this.#uploads.delete(id);
    const bytes = Buffer.concat([upload.bytes, body]);
    if (bytes.length === 0) return refusal(500, 'UNKNOWN', 'Internal failure');
    const [algorithm = 'sha256'] = digest.split(':');
    const found = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
    if (found !== digest) return refusal(400, 'DIGEST_INVALID', `the digest is ${found}`);
    repository.blobs.set(digest, bytes);
    return stored(repository, digest);
  }

  #blob(method: string, repository: StoredRepository, digest: string): Answer {
    const bytes = repository.blobs.get(digest);
    if (bytes === undefined) return refusal(404, 'BLOB_UNKNOWN', 'blob unknown');
    if (method === 'HEAD') {
      return { status: 200, headers: { 'docker-content-digest': digest, 'content-length': String(bytes.length) } };
    }
    const location = `${this.#storage}/${repository.name}?digest=${digest}&X-Amz-Signature=0123456789abcdef`;
    return { status: 307, headers: { location } };
  }
}

/** Basic authentication with user AWS and the token as password; no token endpoint. Expired tokens get 403, no challenge. */
function basic(state: EcrState, { authorization, url }: DataRequest): Answer | undefined {
  const token = tokenOf(state, authorization);
  if (token === 'valid') return undefined;
  if (token === 'expired') {
    return refusal(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.');
  }
  return challenge(`Basic realm="http://${url.host}/",service="ecr.amazonaws.com"`);
}

/** State of the token in a Basic header with user AWS. */
export function tokenOf(state: EcrState, authorization: string | undefined): 'valid' | 'expired' | undefined {
  const [, encoded = ''] = /^Basic (.+)$/.exec(authorization ?? '') ?? [];
  const [user, password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
  return user === 'AWS' ? state.tokens.get(password) : undefined;
}

/** A request for a login. */
export function challenge(value: string): Answer {
  const answer = refusal(401, 'UNAUTHORIZED', 'Not Authorized');
  return { ...answer, headers: { ...answer.headers, 'www-authenticate': value } };
}

function isCommitted({ manifests }: StoredRepository, digest: string): boolean {
  return [...manifests.values()].some(({ json: { config, layers = [] } }) =>
    [config, ...layers].some((blob) => blob?.digest === digest),
  );
}

function stored({ name }: StoredRepository, digest: string): Answer {
  return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest } };
}
