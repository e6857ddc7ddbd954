import { randomBytes } from 'node:crypto';
import { onTestFinished, vi } from 'vitest';
import { awsEnvironment } from './ecr/access.ts';
import { json, refusal } from './ecr/answers.ts';
import { challenge, DataPlane, type DataRequest, tokenOf } from './ecr/data.ts';
import { type PublicAlias, PublicControl } from './ecr/public-control.ts';
import { listen, read, stopAll, store } from './ecr/server.ts';
import { type Answer, type EcrFault, type EcrRequest, EcrState, type StoredRepository } from './ecr/state.ts';
import { assumeRole } from './ecr/sts.ts';
import { startProxyTo, type TestProxy } from './proxy.ts';

/** Set-up of the stand-in. */
export interface EcrPublicOptions {
  /** Aliases of the account's registry, the primary one first. Default: `acme`. */
  readonly aliases?: readonly string[];
  /** Aliases that AWS has not approved yet. */
  readonly pending?: readonly string[];
  /** Names, without alias, of repositories that exist from the start. */
  readonly repositories?: readonly string[];
  /** Operations that the caller's policy does not allow. */
  readonly denied?: readonly string[];
}

/**
 * A stand-in for ECR Public: its API, and the registry public.ecr.aws behind a proxy. Plain HTTP on loopback.
 */
export interface TestEcrPublic {
  /** Base URL of the API. */
  readonly endpoint: string;
  /** `127.0.0.1:PORT` of the storage that blobs are redirected to. */
  readonly storage: string;
  readonly proxy: TestProxy;
  /** Environment in which public.ecr.aws, its API and STS are this stand-in. It has AWS credentials. */
  readonly env: Readonly<Record<string, string>>;
  /** Repositories by primary alias and name. */
  readonly repositories: ReadonlyMap<string, StoredRepository>;
  readonly requests: readonly EcrRequest[];
  /** Creates a repository. @param path with the primary alias */
  createRepository(path: string): void;
  /** Returns the API operations and the requests for tokens so far, in order. */
  operations(): string[];
  /** Expires the registry's tokens, which last an hour in ECR Public; `all` also those of the API. */
  expireTokens(all?: boolean): void;
  /** Issues a token as `docker login` stores it: `AWS:TOKEN` in base64. */
  storeLogin(): string;
  fault(fault: EcrFault): void;
  /** Allows DescribeRepositories with names only from now on. */
  denyListing(): void;
  /** Stops it. @throws Error if a fault was never triggered */
  stop(): Promise<void>;
}

/**
 * Starts the stand-in. As at public.ecr.aws, clients exchange the API's token (Basic, user AWS) or nothing for a Bearer
 * token at `/token/`; an expired one is refused with 400 and no challenge (containers-roadmap#2835).
 */
export async function startEcrPublic({
  aliases = ['acme'],
  pending = [],
  repositories = [],
  denied = [],
}: EcrPublicOptions = {}): Promise<TestEcrPublic> {
  const state = new EcrState();
  for (const name of repositories) state.createRepository(`${aliases[0]}/${name}`);
  const control = new PublicControl(state, aliasList(aliases, pending), denied);
  const tokens = new Map<string, 'push' | 'pull'>();
  const storage = await listen((request) => store(state, request));
  const data = new DataPlane(state, `http://${storage.host}`, (request) => refuse(tokens, aliases, request));

  const registry = await listen(async (incoming, host) => {
    const { authorization } = incoming.headers;
    const body = await read(incoming);
    if (body.toString('utf8').startsWith('Action=AssumeRole')) {
      state.requests.push({ plane: 'control', request: 'AssumeRole', status: 200 });
      return assumeRole(body.toString('utf8'));
    }
    const operation = /^SpencerFrontendService\.(\w+)$/.exec(String(incoming.headers['x-amz-target']))?.[1];
    if (operation !== undefined) {
      const answer = control.answer(operation, authorization, body.toString('utf8'));
      const key = /Credential=([^/]+)/.exec(authorization ?? '')?.[1] ?? '';
      state.requests.push({ plane: 'control', request: operation, status: answer.status, key });
      return answer;
    }
    const { method = '' } = incoming;
    const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? host}`);
    // All aliases lead to the same repositories.
    const [, root, alias = '', ...rest] = url.pathname.split('/');
    if (aliases.includes(alias)) url.pathname = ['', root, aliases[0], ...rest].join('/');
    const answer = url.pathname.startsWith('/token')
      ? issueToken(state, tokens, authorization)
      : data.answer({ method, url, authorization, contentType: incoming.headers['content-type'] ?? '', body });
    state.requests.push({ plane: 'data', request: `${method} ${url.pathname}${url.search}`, status: answer.status });
    return answer;
  });
  const endpoint = `http://${registry.host}`;
  const proxy = await startProxyTo(registry.host);

  return {
    endpoint,
    storage: storage.host,
    proxy,
    env: {
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_ECR_PUBLIC: endpoint,
      AWS_ENDPOINT_URL_STS: endpoint,
      HTTP_PROXY: proxy.url,
      NO_PROXY: '127.0.0.1',
    },
    repositories: state.repositories,
    requests: state.requests,
    createRepository: (path) => void state.createRepository(path),
    operations: () =>
      state.requests
        .filter(({ plane, request }) => plane === 'control' || request.includes('/token'))
        .map(({ request }) => request.replace(/\?.*$/, '')),
    expireTokens: (all = false) => {
      tokens.clear();
      if (all) state.tokens.clear();
    },
    storeLogin: () => {
      state.tokens.set('of-the-test', 'valid');
      return Buffer.from('AWS:of-the-test').toString('base64');
    },
    fault: (fault) => void state.faults.push({ fault, left: fault.times ?? 1 }),
    denyListing: () => {
      state.listing = false;
    },
    stop: async () => {
      proxy.stop();
      await stopAll(state, [registry.server, storage.server]);
    },
  };
}

/** Starts the stand-in with credentials for it; stops it after the test. */
export async function ecrPublicForTest(options: EcrPublicOptions = {}): Promise<TestEcrPublic> {
  awsEnvironment();
  const ecr = await startEcrPublic(options);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await ecr.stop();
  });
  return ecr;
}

function aliasList(aliases: readonly string[], pending: readonly string[]): PublicAlias[] {
  const last = aliases.length - 1;
  return [
    ...aliases.map((name, index) => ({
      name,
      status: 'ACTIVE' as const,
      primaryRegistryAlias: index === 0,
      defaultRegistryAlias: index === last,
    })),
    ...pending.map((name) => ({
      name,
      status: 'PENDING' as const,
      primaryRegistryAlias: false,
      defaultRegistryAlias: false,
    })),
  ];
}

function issueToken(state: EcrState, tokens: Map<string, 'push' | 'pull'>, authorization: string | undefined): Answer {
  if (authorization !== undefined && tokenOf(state, authorization) !== 'valid') {
    return refusal(401, 'UNAUTHORIZED', 'Not Authorized');
  }
  const token = randomBytes(16).toString('hex');
  tokens.set(token, authorization === undefined ? 'pull' : 'push');
  return json(200, { token });
}

/** Anyone may read with a token; writing takes one of the account, and is for its own aliases. */
function refuse(
  tokens: ReadonlyMap<string, 'push' | 'pull'>,
  aliases: readonly string[],
  { authorization, url, method }: DataRequest,
): Answer | undefined {
  const [, sent] = /^Bearer (.+)$/.exec(authorization ?? '') ?? [];
  if (sent === undefined)
    return challenge(`Bearer realm="http://${url.host}/token/",service="${url.host}",scope="aws"`);
  const token = tokens.get(sent);
  if (token === undefined) return refusal(400, 'DENIED', 'Your Authorization Token is invalid.');
  if (method === 'GET' || method === 'HEAD') return undefined;
  const isOwn = aliases.includes(url.pathname.split('/')[2] ?? '');
  return token === 'push' && isOwn ? undefined : refusal(403, 'DENIED', 'not authorized to perform this action');
}
