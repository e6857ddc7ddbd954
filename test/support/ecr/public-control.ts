import { randomBytes } from 'node:crypto';
import { failure, layers, success } from './control.ts';
import type { Answer, EcrState, StoredRepository } from './state.ts';

/** An alias of the account's registry, as DescribeRegistries returns it. */
export interface PublicAlias {
  readonly name: string;
  readonly status: 'ACTIVE' | 'PENDING' | 'REJECTED';
  readonly primaryRegistryAlias: boolean;
  readonly defaultRegistryAlias: boolean;
}

/** Settings that CreateRepository takes. */
interface Settings {
  readonly catalogData?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly unknown[];
}

type Input = Readonly<Record<string, unknown>>;

const NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/**
 * API of ECR Public: AWS JSON 1.1, the operations that the plugin uses. Signatures have to be present and for the only
 * region of the API; they are not verified. Repositories are stored by alias and name, as the registry names them.
 */
export class PublicControl {
  readonly #state: EcrState;
  readonly #aliases: readonly PublicAlias[];

  readonly #denied: readonly string[];

  /** @param denied operations that the caller's policy does not allow */
  constructor(state: EcrState, aliases: readonly PublicAlias[], denied: readonly string[]) {
    this.#state = state;
    this.#aliases = aliases;
    this.#denied = denied;
  }

  answer(operation: string, authorization: string | undefined, body: string): Answer {
    if (!/^AWS4-HMAC-SHA256 Credential=[^/]+\/\d+\/us-east-1\/ecr-public\//.test(authorization ?? '')) {
      return failure('MissingAuthenticationTokenException', 'Missing Authentication Token');
    }
    if (this.#denied.includes(operation)) {
      const action = operation === 'GetAuthorizationToken' ? 'sts:GetServiceBearerToken' : `ecr-public:${operation}`;
      return failure('AccessDeniedException', `User is not authorized to perform: ${action} on resource: *`);
    }
    const fault = this.#state.takeFault(operation);
    if (fault !== undefined) {
      const { status = 400, code = 'ThrottlingException', message = 'Rate exceeded' } = fault;
      return failure(code, message, status);
    }
    const input = JSON.parse(body || '{}') as Input;
    switch (operation) {
      case 'GetAuthorizationToken':
        return this.#newToken();
      case 'DescribeRegistries':
        return this.#registries(input);
      case 'DescribeRepositories':
        return this.#describe(input);
      case 'CreateRepository':
        return this.#create(input);
      default:
        return this.#ofRepository(operation, input);
    }
  }

  #newToken(): Answer {
    const password = randomBytes(24).toString('hex');
    this.#state.tokens.set(password, 'valid');
    return success({
      authorizationData: {
        authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
        expiresAt: Date.now() / 1000 + 12 * 3600,
      },
    });
  }

  /** One alias a page, to test paging. */
  #registries({ nextToken }: Input): Answer {
    const index = Number(nextToken ?? 0);
    const { account: registryId } = this.#state;
    const aliases = this.#aliases.slice(index, index + 1);
    return success({
      registries: [{ registryId, registryArn: `arn:aws:ecr-public::${registryId}:registry/${registryId}`, aliases }],
      nextToken: index + 1 < this.#aliases.length ? String(index + 1) : undefined,
    });
  }

  #describe({ repositoryNames, maxResults, nextToken }: Input): Answer {
    if (Array.isArray(repositoryNames)) {
      if (repositoryNames.length > 100 || maxResults !== undefined || nextToken !== undefined) {
        return failure('InvalidParameterException', 'repositoryNames takes 100 names at most, and no paging');
      }
      const missing = repositoryNames.find((name) => this.#find(name) === undefined);
      if (missing !== undefined) return this.#notFound(missing);
      return success({ repositories: repositoryNames.map((name) => this.#shown(this.#find(name))) });
    }
    if (!this.#state.listing) {
      return failure('AccessDeniedException', 'not authorized to perform: ecr-public:DescribeRepositories');
    }
    const all = [...this.#state.repositories.values()];
    const start = Number(nextToken ?? 0);
    const end = start + Math.min(this.#state.pageSize, Number(maxResults ?? 100));
    return success({
      repositories: all.slice(start, end).map((repository) => this.#shown(repository)),
      nextToken: end < all.length ? String(end) : undefined,
    });
  }

  #create({ repositoryName, ...settings }: Input): Answer {
    const name = String(repositoryName);
    if (!NAME.test(name) || name.length < 2 || name.length > 205) {
      return failure('InvalidParameterException', `Invalid parameter at 'repositoryName': ${name}`);
    }
    if (this.#find(name) !== undefined) {
      return failure('RepositoryAlreadyExistsException', `The repository with name '${name}' already exists`);
    }
    const repository = this.#state.createRepository(`${this.#aliases[0]?.name}/${name}`, settings);
    return success({ repository: this.#shown(repository), catalogData: settings.catalogData ?? {} });
  }

  #ofRepository(operation: string, input: Input): Answer {
    const { repositoryName, resourceArn, registryId, ...settings } = input;
    if (registryId !== undefined && !this.#aliases.some(({ name }) => name === registryId)) {
      return failure('RegistryNotFoundException', `The registry ${String(registryId)} does not exist`);
    }
    const name = String(repositoryName ?? String(resourceArn).replace(/^.*:repository\//, ''));
    const repository = this.#find(name);
    if (repository === undefined) return this.#notFound(name);
    const { catalogData, tags = [] } = repository.settings as Settings;
    switch (operation) {
      case 'GetRepositoryCatalogData':
        if (catalogData === undefined) return failure('RepositoryCatalogDataNotFoundException', 'no catalog data');
        return success({ catalogData: { ...catalogData, logoImageBlob: undefined } });
      case 'TagResource':
        repository.settings = { ...repository.settings, tags: [...tags, ...(settings.tags as unknown[])] };
        return success({});
      case 'PutRepositoryCatalogData':
      case 'SetRepositoryPolicy':
        repository.settings = { ...repository.settings, ...settings };
        return success({});
      case 'BatchCheckLayerAvailability':
        return layers(repository, input);
      default:
        return failure('UnsupportedCommandException', `the stand-in does not know ${operation}`);
    }
  }

  #find(name: unknown): StoredRepository | undefined {
    return this.#state.repositories.get(`${this.#aliases[0]?.name}/${String(name)}`);
  }

  #notFound(name: unknown): Answer {
    const message = `The repository with name '${String(name)}' does not exist in the registry with id '${this.#state.account}'`;
    return failure('RepositoryNotFoundException', message);
  }

  #shown(repository: StoredRepository | undefined): object {
    const { name: path = '' } = repository ?? {};
    const name = path.slice(path.indexOf('/') + 1);
    const { account } = this.#state;
    return {
      repositoryArn: `arn:aws:ecr-public::${account}:repository/${name}`,
      registryId: account,
      repositoryName: name,
      repositoryUri: `public.ecr.aws/${path}`,
      createdAt: Date.now() / 1000,
    };
  }
}
