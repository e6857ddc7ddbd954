import type * as z from 'zod';
import { basicAuthorization, type Credential, type Keychain } from '../auth/keychain.ts';
import { AirgapError } from '../base/errors.ts';
import { parseErrorBody } from '../http/error-body.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { type ReadResponse, readResponse } from '../http/read-response.ts';
import type { HttpRequest } from '../http/send.ts';
import type { Transport } from '../http/transport.ts';
import { pageText } from '../http/web-page.ts';
import { noApiError, notFoundError, refusalError } from './refusals.ts';

/** Maximum bytes of a response: a page of descriptions in Markdown. */
const RESPONSE_LIMIT = 16 * 1024 * 1024;

export interface ApiOptions {
  /** `HOST[:PORT]`. */
  readonly registry: string;
  readonly transport: Transport;
  readonly keychain: Keychain;
  readonly signal?: AbortSignal | undefined;
}

/** A request to the API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** From the root of the host; its names are checked and encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly form?: object;
  /** Subject of messages. */
  readonly what: string;
  /** Every registry with this API has the path, so that 404 means that there is none. Default: false. */
  readonly isRoot?: boolean;
  /** A 404 without an error code means that there is no such API, not that something does not exist. Default: false. */
  readonly isFirst?: boolean;
}

export type ApiResponse = ReadResponse<HttpResponse>;

/** Sends requests with the login for the registry. */
export interface Api {
  readonly registry: string;
  /**
   * Sends a request.
   * @returns undefined for 404, if the request is not for a root
   * @throws AirgapError `unauthorized`, `forbidden`, `registry`, `unsupported`, `network`
   */
  find(request: ApiRequest): Promise<ApiResponse | undefined>;
  /** Sends a request for what has to exist. @throws AirgapError as {@link find}; `registry` for 404 */
  send(request: ApiRequest): Promise<ApiResponse>;
  /** Returns the name of the account that logs in; undefined for a bearer token. @throws AirgapError `unauthorized` */
  user(): Promise<string | undefined>;
}

/** Creates the sender of requests, which looks the login up once. */
export function createApi({ registry, transport, keychain, signal }: ApiOptions): Api {
  let login: Promise<Login> | undefined;
  const logIn = (): Promise<Login> => {
    login ??= findLogin(registry, keychain);
    return login;
  };
  const exchange = async (request: ApiRequest): Promise<ApiResponse & { readonly credential: Credential }> => {
    const { credential, authorization } = await logIn();
    const { method, path, query = {}, form, what } = request;
    const url = new URL(`${transport.scheme(registry)}://${registry}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const body = form === undefined ? undefined : Buffer.from(JSON.stringify(form));
    const sent: HttpRequest = {
      method,
      url,
      headers: {
        authorization,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      what,
      kind: 'accounts',
      ...(signal !== undefined && { signal }),
      ...(body !== undefined && {
        body: { length: body.length, open: () => body },
        secretBody: form !== undefined && 'password' in form,
      }),
    };
    const full = await readResponse(transport, { what, signal, limit: RESPONSE_LIMIT }, () => transport.request(sent));
    const { host, hostname } = full.response.url;
    if (hostname !== url.hostname) {
      const hint = 'its login is for this host alone: name the host that serves the API';
      throw new AirgapError('registry', `${registry} redirects its API to ${host}`, { subject: what, hint });
    }
    return { ...full, credential };
  };
  const find = async (request: ApiRequest): Promise<ApiResponse | undefined> => {
    const { response, bytes, credential } = await exchange(request);
    const { status } = response;
    const page = pageText(
      Buffer.from(bytes.subarray(0, 64 * 1024))
        .toString('utf8')
        .trim(),
    );
    if (request.isRoot === true && (status === 404 || status === 405 || (status < 400 && page !== undefined))) {
      throw noApiError(registry, `${status} for ${request.path}`);
    }
    if (status === 404 && request.isFirst === true && parseErrorBody(bytes).code === '') {
      throw noApiError(registry, `404 for ${request.path}`);
    }
    if (status === 404) return undefined;
    // A portal in front of the registry answers writes, too, with a page.
    if (status >= 300 || page !== undefined) {
      throw refusalError({ registry, what: request.what, response, bytes, credential });
    }
    return { response, bytes };
  };
  return {
    registry,
    find,
    async send(request) {
      const found = await find(request);
      if (found !== undefined) return found;
      throw notFoundError(registry, request.what);
    },
    async user() {
      const { credential } = await logIn();
      return credential.kind === 'basic' ? credential.username : undefined;
    },
  };
}

interface Login {
  readonly credential: Credential;
  readonly authorization: string;
}

/**
 * Looks the login of the API up. It is sent with the first request, because the API does not always say how to log in.
 * @throws AirgapError `unauthorized` without a login that the API takes
 */
async function findLogin(registry: string, keychain: Keychain): Promise<Login> {
  const credential = await keychain.lookup(registry);
  const hint = `give --registry-username ${registry}=NAME --registry-password-stdin with a password or an access token`;
  if (credential === undefined) {
    const sources = keychain.sources?.(registry) ?? [];
    const searched = sources.length === 0 ? '' : `; searched: ${sources.slice(0, 12).join(', ')}`;
    throw new AirgapError('unauthorized', `there are no credentials for ${registry}`, { hint: `${hint}${searched}` });
  }
  if (credential.kind === 'basic') return { credential, authorization: basicAuthorization(credential) };
  if (credential.kind === 'registry-token') return { credential, authorization: `Bearer ${credential.token}` };
  throw new AirgapError(
    'unauthorized',
    `the login for ${registry} is an identity token, which its API does not accept`,
    {
      hint,
    },
  );
}

/** Parses a response. @throws AirgapError `registry` for another document */
export function parseResponse<S extends z.ZodType>(
  { response, bytes }: ApiResponse,
  schema: S,
  what: string,
): z.output<S> {
  const unexpected = (detail: string): AirgapError =>
    new AirgapError('registry', `${response.url.host} sent a document of another form`, { subject: what, detail });
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw unexpected('it is not JSON');
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unexpected(`${issue?.path.join('.') || 'document'}: ${issue?.message}`);
}
