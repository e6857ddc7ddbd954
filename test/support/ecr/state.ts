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
  /** Of CreateRepository, and what later calls made of them. */
  settings: Readonly<Record<string, unknown>>;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
}

/** A creation template; of the settings only tag mutability counts here. */
export interface CreationTemplate {
  readonly prefix: string;
  readonly appliedFor: readonly string[];
  readonly imageTagMutability?: string;
}

/** One request, as the tests look at it. `what` is `METHOD /path?query` on the data plane, the operation on the control plane. */
export interface EcrRequest {
  readonly plane: 'control' | 'data' | 'storage';
  readonly what: string;
  readonly status: number;
  /** Access key that signed it, on the control plane. */
  readonly key?: string;
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
  /** Whether repositories can be listed without their names. */
  listing = true;
  /** Repository creation templates, as DescribeRepositoryCreationTemplates shows them. */
  readonly templates: CreationTemplate[] = [];
  /** Most repositories that one answer of DescribeRepositories holds. */
  pageSize = 100;

  createRepository(name: string, settings: Readonly<Record<string, unknown>> = {}): StoredRepository {
    const repository = { name, settings, blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, repository);
    return repository;
  }

  /** The repository that an upload is for; made now when a creation template applies to pushes (December 2025). */
  repositoryFor(name: string, isUpload: boolean): StoredRepository | undefined {
    const found = this.repositories.get(name);
    if (found !== undefined || !isUpload) return found;
    const [template] = this.templates
      .filter(({ prefix, appliedFor }) => appliedFor.includes('CREATE_ON_PUSH') && isBelow(name, prefix))
      .sort((a, b) => (b.prefix === 'ROOT' ? 0 : b.prefix.length) - (a.prefix === 'ROOT' ? 0 : a.prefix.length));
    if (template === undefined) return undefined;
    const { imageTagMutability } = template;
    return this.createRepository(name, {
      ...(imageTagMutability && { imageTagMutability }),
      byTemplate: template.prefix,
    });
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

function isBelow(name: string, prefix: string): boolean {
  return prefix === 'ROOT' || name.startsWith(`${prefix}/`);
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
