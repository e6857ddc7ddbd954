import { basicOf } from './basic.ts';
import { control } from './ecr/control.ts';
import { DataPlane } from './ecr/data.ts';
import { listen, read, stopAll, store } from './ecr/server.ts';
import { type CreationTemplate, type EcrFault, type EcrRequest, EcrState, type StoredRepository } from './ecr/state.ts';
import { assumeRole, callerIdentity } from './ecr/sts.ts';

/** Set-up of the stand-in. */
export interface EcrOptions {
  /** Repositories that exist from the start. */
  readonly repositories?: readonly string[];
  /** Account setting BLOB_MOUNTING, off unless asked for. */
  readonly blobMounting?: boolean;
  /** Maximum page size of DescribeRepositories, 100 unless given. */
  readonly pageSize?: number;
  /** Repository creation templates. */
  readonly templates?: readonly CreationTemplate[];
}

/** A stand-in for AWS ECR: control plane and data plane on one port, blob storage on another, plain HTTP on loopback. */
export interface TestEcr {
  /** `127.0.0.1:PORT` of the registry. */
  readonly host: string;
  /** `127.0.0.1:PORT` of the storage that blobs are redirected to. */
  readonly storage: string;
  /** `http://HOST`, for the AWS SDK's `endpoint`. */
  readonly endpoint: string;
  readonly repositories: ReadonlyMap<string, StoredRepository>;
  /** All requests so far, in the order of their responses. */
  readonly requests: readonly EcrRequest[];
  /** Returns an `Authorization` header for the data plane, for a test's own uploads. */
  authorization(): string;
  createRepository(name: string, settings?: Readonly<Record<string, unknown>>): StoredRepository;
  /** Expires all issued tokens. */
  expireTokens(): void;
  fault(fault: EcrFault): void;
  /** Allows DescribeRepositories with names only from now on, as a policy for some repositories does. */
  denyListing(): void;
  /** Stops it. @throws Error if a fault was never triggered: the test did not test what it should */
  stop(): Promise<void>;
}

/**
 * Starts the stand-in. It copies the known deviations of ECR from other registries: repositories have to exist, Basic
 * authentication, blobs from another host, broken chunked uploads, immutable tags that refuse even the same digest, refused
 * media types. Statuses come from issue reports and documentation, not from AWS itself.
 */
export async function startEcr(options: EcrOptions = {}): Promise<TestEcr> {
  const state = new EcrState();
  state.blobMounting = options.blobMounting ?? false;
  state.pageSize = options.pageSize ?? 100;
  state.templates.push(...(options.templates ?? []));
  for (const name of options.repositories ?? []) state.createRepository(name);

  const storage = await listen((request) => store(state, request));
  const data = new DataPlane(state, `http://${storage.host}`);
  const registry = await listen(async (request, host) => {
    const { authorization } = request.headers;
    const body = await read(request);
    const operation = /^AmazonEC2ContainerRegistry_V20150921\.(\w+)$/.exec(
      String(request.headers['x-amz-target']),
    )?.[1];
    const { method = '' } = request;
    if (body.toString('utf8').startsWith('Action=AssumeRole')) {
      state.requests.push({ plane: 'control', request: 'AssumeRole', status: 200 });
      return assumeRole(body.toString('utf8'));
    }
    if (body.toString('utf8').startsWith('Action=GetCallerIdentity')) {
      state.requests.push({ plane: 'control', request: 'GetCallerIdentity', status: 200 });
      return callerIdentity(state.account);
    }
    if (operation !== undefined) {
      const answer = control(state, host, operation, authorization, body.toString('utf8'));
      const key = /Credential=([^/]+)/.exec(authorization ?? '')?.[1] ?? '';
      state.requests.push({ plane: 'control', request: operation, status: answer.status, key });
      return answer;
    }
    // Behind a proxy, locations need the host and the scheme that the client requested.
    const { 'x-forwarded-proto': scheme = 'http' } = request.headers;
    const url = new URL(request.url ?? '/', `${scheme}://${request.headers.host ?? host}`);
    const contentType = request.headers['content-type'] ?? '';
    const answer = data.answer({ method, url, authorization, contentType, body });
    state.requests.push({ plane: 'data', request: `${method} ${url.pathname}${url.search}`, status: answer.status });
    return answer;
  });

  return {
    host: registry.host,
    storage: storage.host,
    endpoint: `http://${registry.host}`,
    repositories: state.repositories,
    requests: state.requests,
    authorization: () => {
      state.tokens.set('of-the-test', 'valid');
      return basicOf('AWS:of-the-test');
    },
    createRepository: (name, settings) => state.createRepository(name, settings),
    expireTokens: () => {
      for (const token of state.tokens.keys()) state.tokens.set(token, 'expired');
    },
    denyListing: () => {
      state.listing = false;
    },
    fault: (fault) => void state.faults.push({ fault, left: fault.times ?? 1 }),
    stop: () => stopAll(state, [registry.server, storage.server]),
  };
}
