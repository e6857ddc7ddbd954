import { randomUUID } from 'node:crypto';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { AirgapError } from '../base/errors.ts';
import { randomDigest } from '../oci/digest.ts';
import { ecrClient, registryIdInput } from './connection.ts';
import { awsError, errorName, isDenied } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import type { EcrOptions } from './options.ts';

/** Answer to a call that changes nothing. */
export interface DryCall {
  /** Action of IAM, such as `ecr:PutImage`. */
  readonly action: string;
  readonly outcome: 'allowed' | 'denied' | 'not-known';
  /** Why it is not known, or the words of the refusal. */
  readonly error?: AirgapError;
}

/** Rights in a private registry, as calls show them that change nothing. */
export interface EcrRights {
  /** Repository that was asked about; it need not exist. */
  readonly repository: string;
  /** Whether that repository exists. */
  readonly exists: boolean;
  readonly pull: readonly DryCall[];
  readonly push: readonly DryCall[];
  /** Absent if no repository exists: only then the call creates nothing. */
  readonly create?: DryCall;
  readonly delete?: DryCall;
  /** Account setting BLOB_MOUNTING; undefined if it could not be read. */
  readonly mounting?: string;
}

/** Pages of the list in which a repository of the prefix is looked for. */
const MAX_PAGES = 10;
const PAGE_SIZE = 1000;

/**
 * Asks for each right with a call that ECR must refuse after it has checked the permission: of content and uploads that do not
 * exist, and to create a repository that exists. ECR checks permissions of repositories that do not exist, too.
 * InitiateLayerUpload is not called, because it opens an upload.
 * @param wanted repository of the prefix to ask about if none exists
 * @throws AirgapError `unauthorized`, `network`
 */
export async function ecrRights(
  host: EcrHost,
  prefix: string,
  wanted: string,
  options: EcrOptions,
): Promise<EcrRights> {
  const client = await ecrClient(host, options);
  try {
    const found = await existingRepository(client, host, prefix);
    const repository = found.name ?? wanted;
    const calls = await dryCalls(client, host, repository, found.name !== undefined);
    return { ...calls, pull: [found.call, ...calls.pull], repository, exists: found.name !== undefined };
  } finally {
    client.destroy();
  }
}

/** Looks for a repository of the prefix. */
async function existingRepository(
  client: ECRClient,
  host: EcrHost,
  prefix: string,
): Promise<{ readonly name?: string; readonly call: DryCall }> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  const isBelow = (name: string): boolean => prefix === '' || name === prefix || name.startsWith(`${prefix}/`);
  let name: string | undefined;
  const call = await attempt('ecr:DescribeRepositories', [], async () => {
    let nextToken: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const input = { ...registryIdInput(host), maxResults: PAGE_SIZE, nextToken };
      const response = await client.send(new DescribeRepositoriesCommand(input));
      name = response.repositories?.find(({ repositoryName = '' }) => isBelow(repositoryName))?.repositoryName;
      nextToken = response.nextToken;
      if (name !== undefined || !nextToken) return;
    }
  });
  if (call.outcome !== 'denied' || prefix === '') return { call, ...(name !== undefined && { name }) };
  // The policy may be for some repositories only, which push asks for by name.
  const byName = await attempt('ecr:DescribeRepositories', [MISSING], async () => {
    await client.send(new DescribeRepositoriesCommand({ ...registryIdInput(host), repositoryNames: [prefix] }));
    name = prefix;
  });
  return { call: byName, ...(name !== undefined && { name }) };
}

const MISSING = 'RepositoryNotFoundException';

async function dryCalls(
  client: ECRClient,
  host: EcrHost,
  repositoryName: string,
  exists: boolean,
): Promise<Omit<EcrRights, 'repository' | 'exists'>> {
  const ecr = await import('@aws-sdk/client-ecr');
  const where = { ...registryIdInput(host), repositoryName };
  const [first, second] = [randomDigest(), randomDigest()] as const;
  const uploadId = randomUUID();
  const pull = [
    attempt('ecr:BatchGetImage', [MISSING], () =>
      client.send(new ecr.BatchGetImageCommand({ ...where, imageIds: [{ imageDigest: first }] })),
    ),
    attempt(
      'ecr:GetDownloadUrlForLayer',
      [MISSING, 'LayersNotFoundException', 'LayerInaccessibleException', 'UnableToGetUpstreamLayerException'],
      () => client.send(new ecr.GetDownloadUrlForLayerCommand({ ...where, layerDigest: first })),
    ),
  ];
  const push = [
    attempt('ecr:BatchCheckLayerAvailability', [MISSING], () =>
      client.send(new ecr.BatchCheckLayerAvailabilityCommand({ ...where, layerDigests: [first] })),
    ),
    attempt('ecr:UploadLayerPart', [MISSING, 'UploadNotFoundException'], () =>
      client.send(
        new ecr.UploadLayerPartCommand({
          ...where,
          uploadId,
          partFirstByte: 0,
          partLastByte: 0,
          layerPartBlob: new Uint8Array([0]),
        }),
      ),
    ),
    attempt('ecr:CompleteLayerUpload', [MISSING, 'UploadNotFoundException'], () =>
      client.send(new ecr.CompleteLayerUploadCommand({ ...where, uploadId, layerDigests: [first] })),
    ),
    // In a repository that does not exist, a creation template might create it.
    ...(exists
      ? [
          attempt('ecr:PutImage', [MISSING, ...IMPOSSIBLE_IMAGE], () =>
            client.send(new ecr.PutImageCommand({ ...where, ...impossibleImage(first, second) })),
          ),
        ]
      : []),
  ];
  const remove = exists
    ? attempt('ecr:BatchDeleteImage', [MISSING], () =>
        client.send(new ecr.BatchDeleteImageCommand({ ...where, imageIds: [{ imageDigest: first }] })),
      )
    : undefined;
  const create = exists
    ? attempt('ecr:CreateRepository', ['RepositoryAlreadyExistsException'], () =>
        client.send(new ecr.CreateRepositoryCommand(where)),
      )
    : undefined;
  const mounting = client.send(new ecr.GetAccountSettingCommand({ name: 'BLOB_MOUNTING' })).then(
    ({ value }) => value,
    () => undefined,
  );
  const [created, removed, mountingValue] = await Promise.all([create, remove, mounting]);
  return {
    pull: await Promise.all(pull),
    push: await Promise.all(push),
    ...(created && { create: created }),
    ...(removed && { delete: removed }),
    ...(mountingValue !== undefined && { mounting: mountingValue }),
  };
}

/** Refusals of {@link impossibleImage}. */
const IMPOSSIBLE_IMAGE = [
  'ImageDigestDoesNotMatchException',
  'LayersNotFoundException',
  'InvalidParameterException',
  'UnsupportedImageTypeException',
];

/** Returns an image that cannot be stored: its layers do not exist, and its digest is that of something else. */
function impossibleImage(layer: string, imageDigest: string): { imageManifest: string; imageDigest: string } {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: layer, size: 2 };
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return { imageManifest: JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }), imageDigest };
}

/**
 * Makes a call. @param expected errors that ECR returns to callers with the permission
 * @throws AirgapError `network`, `unauthorized`: then other calls are in vain
 */
async function attempt(action: string, expected: readonly string[], call: () => Promise<unknown>): Promise<DryCall> {
  try {
    await call();
    return { action, outcome: 'allowed' };
  } catch (cause) {
    if (expected.includes(errorName(cause))) return { action, outcome: 'allowed' };
    const error = awsError(action, cause);
    if (error.code === 'network' || error.code === 'unauthorized') throw error;
    return { action, outcome: isDenied(cause) ? 'denied' : 'not-known', error };
  }
}
