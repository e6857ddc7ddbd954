/** A manifest as it was pushed. */
interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly json: ManifestJson;
  /** When it was pushed first. */
  pushedAt: Date;
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
  /** Settings of CreateRepository, changed by later calls. */
  settings: Readonly<Record<string, unknown>>;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
}

/** A creation template; tag mutability is its only setting here. */
export interface CreationTemplate {
  readonly prefix: string;
  readonly appliedFor: readonly string[];
  readonly imageTagMutability?: string;
}

/** One recorded request: `METHOD /path?query` on the data plane, the operation on the control plane. */
export interface EcrRequest {
  readonly plane: 'control' | 'data' | 'storage';
  readonly request: string;
  readonly status: number;
  /** Access key that signed it; control plane only. */
  readonly key?: string;
}

/** A response that replaces the usual one for the next `times` matching requests. */
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
  /** Valid and expired passwords. */
  readonly tokens = new Map<string, 'valid' | 'expired'>();
  readonly faults: { fault: EcrFault; left: number }[] = [];
  /** Account setting BLOB_MOUNTING. */
  blobMounting = false;
  /** Listing repositories without their names is allowed. */
  listing = true;
  /** Repository creation templates, as DescribeRepositoryCreationTemplates returns them. */
  readonly templates: CreationTemplate[] = [];
  /** Maximum number of repositories in a response of DescribeRepositories. */
  pageSize = 100;

  createRepository(name: string, settings: Readonly<Record<string, unknown>> = {}): StoredRepository {
    const repository = { name, settings, blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, repository);
    return repository;
  }

  /** Repository of an upload; created now if a creation template applies to pushes (December 2025). */
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

  /** Takes the fault for a request. */
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

/** A response before it is written. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** ECR's message for a missing repository. */
export function missingRepository(state: EcrState, name: string): string {
  return `The repository with name '${name}' does not exist in the registry with id '${state.account}'`;
}
