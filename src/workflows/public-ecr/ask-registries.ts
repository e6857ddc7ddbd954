import { count } from '../../base/count.ts';
import { type AirgapError, asAirgapError } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { type Outcome, settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { PublicEcrImage } from '../../inventory/public-ecr.ts';
import { type Descriptor, isImageConfigType, isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { formatPlatform, isAttestationPlatform, platformOfConfig } from '../../oci/platform.ts';
import { parseReference, type Reference, type Repository } from '../../oci/reference.ts';
import { cosignTags } from '../../oci/referrer.ts';
import type { RegistryClient } from '../../registry/client.ts';
import type { Context } from '../../session/context.ts';
import { readBlob } from '../../transfer/resumable-read.ts';
import { throwIfAborted } from '../../transfer/wrap-error.ts';
import { headManifests } from '../images/confirm.ts';
import type { Classification } from './classify.ts';

/** What registries say of an image and its equivalent. */
export type Answer = Pick<
  PublicEcrImage,
  | 'status'
  | 'why'
  | 'digest'
  | 'equivalentDigest'
  | 'platforms'
  | 'equivalentPlatforms'
  | 'missingPlatforms'
  | 'losesSignatures'
>;

/** The requests that are sent. */
export type AskedRegistries = Pick<RegistryClient, 'head' | 'manifest' | 'blob' | 'referrers'>;

export interface ClassifiedImage extends Classification {
  readonly reference: string;
}

/** Images whose platforms and signatures are read at the same time. Public ECR allows one pull a second without a login. */
const COMPARED_AT_ONCE = 2;
/** Bytes of an image config that is read for its platform. */
const MAX_CONFIG = 1024 * 1024;

/**
 * Asks registries for images that are in Public ECR, and for equivalents and what they stand for. Every image that has a
 * status gets one: what cannot be asked is `unconfirmed`.
 * @param concurrency HEAD requests at the same time
 * @returns by reference
 * @throws AirgapError `interrupted`
 */
export async function askRegistries(
  { emit, signal }: Pick<Context, 'emit' | 'signal'>,
  registries: AskedRegistries,
  images: readonly ClassifiedImage[],
  concurrency: number,
): Promise<Map<string, Answer>> {
  const asked = images.filter(isAsked);
  const names = [...new Set(asked.flatMap(({ reference, equivalent = [] }) => [reference, equivalent].flat()))];
  const answers = await runStep(
    emit,
    `asking for ${count(asked.length, 'image')} and what stands for them in Public ECR`,
    (advance) => headManifests(registries, names.map(parseReference), { concurrency, signal, advance }),
    names.length,
  );
  const heads = new Map(names.map((name, i) => [name, answers[i] as Outcome<Descriptor | undefined>]));
  const compared = await runStep(
    emit,
    'comparing digests, platforms and signatures',
    (advance) =>
      settle(asked, COMPARED_AT_ONCE, async ({ reference, equivalent }) => {
        throwIfAborted(signal);
        try {
          const own = heads.get(reference) as Outcome<Descriptor | undefined>;
          if (equivalent === undefined) return existence(reference, own);
          const other = heads.get(equivalent) as Outcome<Descriptor | undefined>;
          return await compare(registries, { reference, own, equivalent, other }, signal);
        } finally {
          advance();
        }
      }),
    asked.length,
  );
  throwIfAborted(signal);
  return new Map(
    asked.map(({ reference }, i) => {
      const outcome = compared[i] as Outcome<Answer>;
      return [reference, 'error' in outcome ? unconfirmed(asAirgapError(outcome.error)) : outcome.value];
    }),
  );
}

/** Reports whether an image has a status: it is in Public ECR, or has an equivalent that is not retired. */
export function isAsked({ class: found }: Pick<Classification, 'class'>): boolean {
  return found === 'already' || found === 'equivalent';
}

/** The answer for every image if no registry is asked. */
export function notAsked(why: string): Answer {
  return { status: 'unconfirmed', why };
}

function unconfirmed({ message }: AirgapError): Answer {
  return notAsked(message);
}

function existence(reference: string, head: Outcome<Descriptor | undefined>): Answer {
  if ('error' in head) return unconfirmed(asAirgapError(head.error));
  return head.value === undefined
    ? { status: 'not-found', why: `${reference} does not exist` }
    : { status: 'verified', digest: head.value.digest };
}

interface Pair {
  readonly reference: string;
  readonly own: Outcome<Descriptor | undefined>;
  readonly equivalent: string;
  readonly other: Outcome<Descriptor | undefined>;
}

async function compare(
  registries: AskedRegistries,
  { reference, own, equivalent, other }: Pair,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const digest = 'error' in own ? undefined : own.value?.digest;
  const known = digest === undefined ? {} : { digest };
  if ('error' in other) return { ...unconfirmed(asAirgapError(other.error)), ...known };
  if (other.value === undefined) return { status: 'not-found', why: `${equivalent} does not exist`, ...known };
  const digests = { ...known, equivalentDigest: other.value.digest };
  if ('error' in own) return { ...unconfirmed(asAirgapError(own.error)), ...digests };
  if (own.value === undefined)
    return { ...notAsked(`${reference} does not exist, so nothing can be compared`), ...digests };
  const [from, to] = [parseReference(reference), parseReference(equivalent)];
  const sides = [
    { repository: from, digest: own.value.digest },
    { repository: to, digest: other.value.digest },
  ] as const;
  if (own.value.digest === other.value.digest)
    return { status: 'verified', ...digests, ...(await signatures(registries, ...sides)) };
  const [here, there] = await Promise.all([
    platformsOf(registries, from, own.value, signal),
    platformsOf(registries, to, other.value, signal),
  ]);
  const missingPlatforms = [...here.keys()].filter((platform) => !there.has(platform));
  const platforms = { platforms: [...here.keys()].sort(), equivalentPlatforms: [...there.keys()].sort() };
  if (missingPlatforms.length > 0)
    return { status: 'different-platforms', ...digests, ...platforms, missingPlatforms: missingPlatforms.sort() };
  const isSame = here.size > 0 && [...here].every(([platform, manifest]) => there.get(platform) === manifest);
  return isSame
    ? { status: 'verified', ...digests, ...platforms, ...(await signatures(registries, ...sides)) }
    : { status: 'different-digest', ...digests, ...platforms };
}

/** Returns the digest of the manifest for each platform; attestations are left out. */
async function platformsOf(
  registries: AskedRegistries,
  repository: Repository,
  { digest }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Digest>> {
  const { descriptor, bytes } = await registries.manifest(repository, digest);
  const { manifests, config } = parseManifest(descriptor.mediaType, bytes);
  if (isIndexType(descriptor.mediaType)) {
    return new Map(
      manifests.flatMap(({ platform, digest: child }) =>
        platform === undefined || isAttestationPlatform(platform) ? [] : [[formatPlatform(platform), child] as const],
      ),
    );
  }
  if (config === undefined || !isImageConfigType(config.mediaType) || config.size > MAX_CONFIG) return new Map();
  const blob = { descriptor: config, repositories: [repository] };
  const platform = platformOfConfig(
    await readBlob(registries, blob, { emit: ignoreEvents, ...(signal === undefined ? {} : { signal }) }),
  );
  return platform === undefined ? new Map() : new Map([[formatPlatform(platform), digest]]);
}

interface Side {
  readonly repository: Reference;
  readonly digest: Digest;
}

/** Returns whether the equivalent lacks signatures that the source has; nothing if that cannot be found out. */
async function signatures(
  registries: AskedRegistries,
  source: Side,
  equivalent: Side,
): Promise<Pick<Answer, 'losesSignatures'>> {
  try {
    const loses = (await isSigned(registries, source)) && !(await isSigned(registries, equivalent));
    return { losesSignatures: loses };
  } catch {
    // Whether an image is signed does not decide whether it is the same.
    return {};
  }
}

/** Artifact types of signatures: cosign's, sigstore bundles of any version, and notation's. */
const SIGNATURE =
  /^application\/vnd\.(?:dev\.cosign\.artifact\.sig\.|dev\.sigstore\.bundle(?:[.+]|$)|cncf\.notary\.signature$)/;

async function isSigned(registries: AskedRegistries, { repository, digest }: Side): Promise<boolean> {
  const [signatureTag] = cosignTags(digest);
  if (signatureTag !== undefined && (await registries.head(repository, signatureTag)) !== undefined) return true;
  const listed = await registries.referrers(repository, digest);
  return listed?.some(({ artifactType = '' }) => SIGNATURE.test(artifactType)) ?? false;
}
