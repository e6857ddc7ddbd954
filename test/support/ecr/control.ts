import { randomBytes } from 'node:crypto';
import { batchDelete, describeImages } from './images.ts';
import { type Answer, type EcrState, missingRepository, type StoredRepository } from './state.ts';

/** Control plane: AWS JSON 1.1, the operations that the plugin uses. Signatures have to be present and are not verified. */
export function control(
  state: EcrState,
  host: string,
  operation: string,
  authorization: string | undefined,
  body: string,
): Answer {
  if (!authorization?.startsWith('AWS4-HMAC-SHA256 ')) {
    return failure('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const fault = state.takeFault(operation);
  if (fault !== undefined) {
    const { status = 400, code = 'ThrottlingException', message = 'Rate exceeded' } = fault;
    return failure(code, message, status);
  }
  const input = JSON.parse(body || '{}') as Record<string, unknown>;
  switch (operation) {
    case 'GetAuthorizationToken':
      return success({ authorizationData: [newToken(state, host)] });
    case 'DescribeRepositories':
      return describe(state, host, input);
    case 'CreateRepository':
      return create(state, host, input);
    case 'DescribeRepositoryCreationTemplates':
      return success({ registryId: state.account, repositoryCreationTemplates: state.templates });
    case 'PutImageTagMutability':
    case 'PutImageScanningConfiguration':
    case 'PutLifecyclePolicy':
    case 'SetRepositoryPolicy':
    case 'TagResource':
      return change(state, input);
    case 'GetRepositoryPolicy':
    case 'DeleteRepositoryPolicy':
      return policy(state, operation, String(input.repositoryName));
    case 'BatchCheckLayerAvailability':
      return availability(state, input);
    case 'GetAccountSetting':
      return success({ name: input.name, value: state.blobMounting ? 'ENABLED' : 'DISABLED' });
    case 'BatchGetImage':
    case 'GetDownloadUrlForLayer':
    case 'UploadLayerPart':
    case 'CompleteLayerUpload':
    case 'PutImage':
      return nothingThere(state, operation, input);
    case 'DescribeImages':
    case 'BatchDeleteImage': {
      const repository = state.repositories.get(String(input.repositoryName));
      if (repository === undefined)
        return failure('RepositoryNotFoundException', missingRepository(state, String(input.repositoryName)));
      const result = (operation === 'DescribeImages' ? describeImages : batchDelete)(state, repository, input);
      return typeof result === 'string' ? failure('InvalidParameterException', result) : success(result);
    }
    default:
      return failure('UnknownOperationException', `the stand-in does not know ${operation}`);
  }
}

/**
 * Answers about content and uploads that do not exist, which the plugin asks for to learn its rights. It sends content by the data
 * plane only.
 */
function nothingThere(state: EcrState, operation: string, input: Record<string, unknown>): Answer {
  const repository = state.repositories.get(String(input.repositoryName));
  if (repository === undefined)
    return failure('RepositoryNotFoundException', missingRepository(state, String(input.repositoryName)));
  switch (operation) {
    case 'BatchGetImage': {
      const imageIds = input.imageIds as { readonly imageDigest: string }[];
      if (imageIds.some(({ imageDigest }) => repository.manifests.has(imageDigest)))
        return failure('UnknownOperationException', 'the stand-in gives images by its data plane only');
      const failures = imageIds.map((imageId) => ({ imageId, failureCode: 'ImageNotFound' }));
      return success({ images: [], failures });
    }
    case 'GetDownloadUrlForLayer':
      return failure('LayersNotFoundException', `${String(input.layerDigest)} not found`);
    case 'PutImage':
      return failure('ImageDigestDoesNotMatchException', 'the digest does not match the manifest');
    default:
      return failure('UploadNotFoundException', `upload ${String(input.uploadId)} not found`);
  }
}

function newToken(state: EcrState, host: string): Record<string, unknown> {
  const password = randomBytes(24).toString('hex');
  state.tokens.set(password, 'valid');
  return {
    authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
    expiresAt: Date.now() / 1000 + 12 * 3600,
    proxyEndpoint: `http://${host}`,
  };
}

function describe(state: EcrState, host: string, input: Record<string, unknown>): Answer {
  const names = input.repositoryNames as string[] | undefined;
  if (names !== undefined) {
    if (names.length > 100 || input.maxResults !== undefined || input.nextToken !== undefined) {
      return failure('InvalidParameterException', 'repositoryNames takes 100 names at most, and no paging');
    }
    const missing = names.find((name) => !state.repositories.has(name));
    if (missing !== undefined) return failure('RepositoryNotFoundException', missingRepository(state, missing));
    return success({ repositories: names.map((name) => shown(state, host, state.repositories.get(name))) });
  }
  if (!state.listing) return failure('AccessDeniedException', 'not authorized to perform: ecr:DescribeRepositories');
  const all = [...state.repositories.values()];
  const start = Number(input.nextToken ?? 0);
  const end = start + Math.min(state.pageSize, Number(input.maxResults ?? 100));
  return success({
    repositories: all.slice(start, end).map((repository) => shown(state, host, repository)),
    nextToken: end < all.length ? String(end) : undefined,
  });
}

/** Grammar of the API reference; no `__`, `--` or capitals, which other registries allow. */
const NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

function create(state: EcrState, host: string, input: Record<string, unknown>): Answer {
  const { repositoryName, ...settings } = input;
  const name = String(repositoryName);
  if (!NAME.test(name) || name.length < 2 || name.length > 256) {
    return failure(
      'InvalidParameterException',
      `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '${NAME.source}''`,
    );
  }
  if (state.repositories.has(name)) {
    return failure(
      'RepositoryAlreadyExistsException',
      `The repository with name '${name}' already exists in the registry with id '${state.account}'`,
    );
  }
  return success({ repository: shown(state, host, state.createRepository(name, settings)) });
}

/** Stores the parameters as settings of the repository. */
function change(
  state: EcrState,
  { repositoryName, resourceArn, registryId: _, ...settings }: Record<string, unknown>,
): Answer {
  const name = String(repositoryName ?? String(resourceArn).replace(/^.*:repository\//, ''));
  const repository = state.repositories.get(name);
  if (repository === undefined) return failure('RepositoryNotFoundException', missingRepository(state, name));
  repository.settings = { ...repository.settings, ...settings };
  return success({});
}

/**
 * Answers with the policy of a repository, and removes it if it is to be deleted. The text is formatted, and a list with one
 * entry is a text, as IAM stores policies.
 */
function policy(state: EcrState, operation: string, name: string): Answer {
  const repository = state.repositories.get(name);
  if (repository === undefined) return failure('RepositoryNotFoundException', missingRepository(state, name));
  const { policyText, ...settings } = repository.settings;
  if (typeof policyText !== 'string') {
    const message = `Repository policy does not exist for the repository with name '${name}' in the registry with id '${state.account}'`;
    return failure('RepositoryPolicyNotFoundException', message);
  }
  if (operation === 'DeleteRepositoryPolicy') repository.settings = settings;
  const stored = JSON.parse(policyText, (_, value: unknown) =>
    Array.isArray(value) && value.length === 1 && typeof value[0] === 'string' ? value[0] : value,
  );
  return success({ registryId: state.account, repositoryName: name, policyText: JSON.stringify(stored, undefined, 2) });
}

function shown(state: EcrState, host: string, repository: StoredRepository | undefined): Record<string, unknown> {
  const { name, settings } = repository as StoredRepository;
  return {
    imageTagMutability: 'MUTABLE',
    imageScanningConfiguration: { scanOnPush: false },
    encryptionConfiguration: { encryptionType: 'AES256' },
    ...settings,
    repositoryArn: `arn:aws:ecr:${state.region}:${state.account}:repository/${name}`,
    registryId: state.account,
    repositoryName: name,
    repositoryUri: `${host}/${name}`,
    createdAt: Date.now() / 1000,
  };
}

function availability(state: EcrState, input: Record<string, unknown>): Answer {
  const repository = state.repositories.get(String(input.repositoryName));
  if (repository === undefined) {
    return failure('RepositoryNotFoundException', missingRepository(state, String(input.repositoryName)));
  }
  return layers(repository, input);
}

/** Answers BatchCheckLayerAvailability for a repository. */
export function layers(repository: StoredRepository, input: Record<string, unknown>): Answer {
  const digests = input.layerDigests as string[];
  if (digests.length === 0 || digests.length > 100) {
    return failure('InvalidParameterException', 'layerDigests takes 1 to 100 digests');
  }
  return success({
    layers: digests.map((layerDigest) => {
      const blob = repository.blobs.get(layerDigest);
      return blob === undefined
        ? { layerDigest, layerAvailability: 'UNAVAILABLE' }
        : { layerDigest, layerAvailability: 'AVAILABLE', layerSize: blob.length };
    }),
    failures: [],
  });
}

/** A response of the API. */
export function success(value: unknown): Answer {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(value) };
}

/** An error of the API. */
export function failure(code: string, message: string, status = 400): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ __type: code, message }),
  };
}
