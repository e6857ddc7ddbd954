/** What the stand-in remembers; the two planes share it. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly json: ManifestJson;
}

export interface ManifestJson {
  readonly artifactType?: string;
  readonly config?: Described;
  readonly layers?: readonly Described[];
  readonly manifests?: readonly Described[];
  readonly subject?: Described;
}

interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: unknown;
}

/** A repository, with the settings of CreateRepository as they were sent. */
export interface StoredRepository {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
}

/** One request, as the tests look at it. `what` is `METHOD /path?query` on the data plane, the operation on the control plane. */
export interface EcrRequest {
  readonly plane: 'control' | 'data' | 'storage';
  readonly what: string;
  readonly status: number;
}

/** An answer that is given instead of the usual one, to the next `times` requests whose `what` matches. */
export interface EcrFault {
  readonly match: string | RegExp;
  /** Default 1. */
  readonly times?: number;
  /** Default 429 with TOOMANYREQUESTS, and ThrottlingException on the control plane, both "Rate exceeded". */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
}

export class EcrState {
  readonly account = '123456789012';
  readonly region = 'us-east-1';
  readonly repositories = new Map<string, StoredRepository>();
  readonly requests: EcrRequest[] = [];
  /** Passwords that are valid, and those that were. */
  readonly tokens = new Map<string, 'valid' | 'expired'>();
  readonly faults: { fault: EcrFault; left: number }[] = [];
  /** Account setting BLOB_MOUNTING. */
  blobMounting = false;
  /** Most repositories that one answer of DescribeRepositories holds. */
  pageSize = 100;

  createRepository(name: string, settings: Readonly<Record<string, unknown>> = {}): StoredRepository {
    const repository = { name, settings, blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, repository);
    return repository;
  }

  /** The fault that this request meets, used up by one. */
  takeFault(what: string): EcrFault | undefined {
    const met = this.faults.find(
      ({ fault, left }) =>
        left > 0 && (typeof fault.match === 'string' ? what.includes(fault.match) : fault.match.test(what)),
    );
    if (met === undefined) return undefined;
    met.left--;
    return met.fault;
  }
}

/** An answer before it is written out. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** The answer to a request for a repository that is not there, in ECR's words. */
export function missingRepository(state: EcrState, name: string): string {
  return `The repository with name '${name}' does not exist in the registry with id '${state.account}'`;
}
