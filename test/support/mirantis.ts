import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type ApiAnswer, type ApiRequest, apiError } from './mirantis/answers.ts';
import { enzi } from './mirantis/enzi.ts';
import { repositories } from './mirantis/repositories.ts';
import { MirantisState } from './mirantis/state.ts';

/*
 * A STAND-IN, not Mirantis Secure Registry. It follows what is public about the API of Mirantis Secure Registry (formerly
 * Docker Trusted Registry), and no more:
 *
 * - Mirantis' documentation: "MSR API reference", "Manage access tokens", "Permission levels", "Create and manage teams"
 * - Docker's documentation of Docker Trusted Registry: "API overview", "Accounts", "Teams", "Repositories",
 *   "Team access to repositories", "Team access to a namespace"
 * - Public clients: Harbor's replication adapter for it, scripts that copy organizations with curl
 *
 * What these do not say is not here: limits on names of repositories, the rights of the caller (every caller with the right
 * password is an administrator), and what a write to an LDAP-backed organization answers besides LDAP_PRECLUDES.
 */

export interface MirantisOptions {
  /** Serves rights of accounts to repositories of accounts, as older versions do. Default: false. */
  readonly hasUserAccess?: boolean;
  /** Lists of rights name the team, as older versions do, not only its ID. Default: false. */
  readonly namesTeams?: boolean;
  /** `127.0.0.1:PORT` of a registry (plain HTTP) whose `/v2/` is shown, so that API and content have one host. */
  readonly content?: string;
}

/** A request to the API that matches is answered in another way. */
interface Fault {
  /** Matches `METHOD /path?query`. */
  readonly match: RegExp;
  readonly answer?: ApiAnswer;
  /** Ends a list after so many entries, as if it was complete. */
  readonly cutOff?: number;
  /** Milliseconds before the answer. */
  readonly delay?: number;
}

/** Stand-in on loopback, plain HTTP. */
export interface TestMirantis {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly state: MirantisState;
  /** `METHOD /path?query STATUS` of each request to the API, in order. */
  readonly requests: readonly string[];
  /** Requests that changed something: `METHOD /path`. */
  writes(): string[];
  /** Forgets the requests so far. */
  forget(): void;
  /** Ends lists of matching paths after so many entries, as if they were complete. */
  cutOff(match: RegExp, entries: number): void;
  refuse(match: RegExp, status: number, code: string, message?: string): void;
  /** Answers with this status and text, such as a web page. */
  answer(match: RegExp, answer: ApiAnswer): void;
  slow(match: RegExp, milliseconds: number): void;
  /** Environment with the login of the administrator. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Name and password of the administrator, who exists from the start. */
export const ADMIN = { name: 'admin', password: 'secret-of-the-admin' } as const;

/** Starts a stand-in that has the administrator `admin` and nothing else. */
export async function startMirantis(options: MirantisOptions = {}): Promise<TestMirantis> {
  const state = new MirantisState().user(ADMIN.name, { isAdmin: true, password: ADMIN.password });
  const requests: string[] = [];
  const faults: Fault[] = [];
  const version = { hasUserAccess: options.hasUserAccess ?? false, namesTeams: options.namesTeams ?? false };
  const server = createServer((incoming, outgoing) => {
    if (options.content !== undefined && incoming.url?.startsWith('/v2/')) {
      return passOn(options.content, incoming, outgoing);
    }
    void answer(incoming).then(({ status, json, headers }) => {
      const body = json === undefined ? '' : typeof json === 'string' ? json : JSON.stringify(json);
      requests.push(`${incoming.method} ${incoming.url} ${status}`);
      outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  });
  const answer = async (incoming: IncomingMessage): Promise<ApiAnswer> => {
    const { method = '', url = '' } = incoming;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const fault = faults.find(({ match }) => match.test(`${method} ${url}`));
    if (fault?.delay !== undefined) await sleep(fault.delay);
    if (fault?.answer !== undefined) return fault.answer;
    const caller = callerOf(state, incoming.headers.authorization);
    if (caller === undefined) {
      return apiError(401, 'AUTHENTICATION_REQUIRED', 'The client is required to authenticate.');
    }
    const { pathname, searchParams: query } = new URL(url, 'http://mirantis');
    const [, api, v0, ...path] = pathname.split('/').map(decodeURIComponent);
    const body = bodyOf(Buffer.concat(chunks).toString('utf8'));
    if (body === undefined) return apiError(400, 'INVALID_JSON', 'Unable to parse JSON');
    const request: ApiRequest = { method, path, query, body, caller };
    if (v0 !== 'v0' || (api !== 'enzi' && api !== 'api')) return { status: 404, json: '404 page not found' };
    return api === 'enzi' ? enzi(state, request, fault?.cutOff) : repositories(state, request, version, fault?.cutOff);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const variable = `AIRGAP_AUTH_${host.replace(/\W/g, '_')}`;
  return {
    host,
    state,
    requests,
    env: { [`${variable}_USERNAME`]: ADMIN.name, [`${variable}_PASSWORD`]: ADMIN.password },
    writes: () =>
      requests.flatMap((line) => {
        const [method = '', url = '', status] = line.split(' ');
        return method === 'GET' || Number(status) >= 300 ? [] : [`${method} ${url}`];
      }),
    forget: () => void requests.splice(0),
    cutOff: (match, entries) => void faults.push({ match, cutOff: entries }),
    refuse: (match, status, code, message = 'refused') =>
      void faults.push({ match, answer: apiError(status, code, message) }),
    answer: (match, given) => void faults.push({ match, answer: given }),
    slow: (match, delay) => void faults.push({ match, delay }),
    stop: () => stop(server),
  };
}

/** Starts a stand-in, and stops it after the test. */
export async function mirantisForTest(options: MirantisOptions = {}): Promise<TestMirantis> {
  const mirantis = await startMirantis(options);
  onTestFinished(() => mirantis.stop());
  return mirantis;
}

/** Returns the name of the account with these Basic credentials; undefined if they are wrong. */
function callerOf({ accounts }: MirantisState, authorization = ''): string | undefined {
  const [, encoded = ''] = /^Basic (.+)$/.exec(authorization) ?? [];
  const [, name = '', password = ''] =
    /^([^:]*):([\s\S]*)$/.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  const account = accounts.get(name);
  return account?.isActive && !account.isOrg && account.password === password ? name : undefined;
}

function bodyOf(text: string): ApiRequest['body'] | undefined {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Passes a request on to the registry with the content. */
function passOn(host: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url, headers } = incoming;
  const passed = openRequest(`http://${host}${url}`, { method, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  incoming.pipe(passed);
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
