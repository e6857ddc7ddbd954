import type { Keychain } from '../../auth/keychain.ts';
import type { Advance } from '../../base/step.ts';
import { compareText } from '../../base/text-order.ts';
import type { CheckedImage, CheckedWorkload } from '../../inventory/check-result.ts';
import { hasTargetHost, isUnderTarget, type Target } from '../../naming/naming.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';
import type { InstalledReference } from '../../overrides/index.ts';
import type { AllowedImages, Missing, ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { BundledImages } from './ask-bundle.ts';
import type { TargetAnswer, TargetQuestions } from './ask-target.ts';
import { HINTS } from './reasons.ts';
import type { SourceImages } from './source-images.ts';

/** An image that workloads pull with the same rights. */
export interface WantedImage
  extends Pick<CheckedImage, 'reference' | 'source' | 'digest' | 'sourceDigest' | 'anonymous' | 'workloads'> {
  /** The reference names another registry than the target. */
  readonly isPublic: boolean;
  /** It has the host of the target. */
  readonly isWrong: boolean;
  /** Why a public reference is not changed, if that is known. */
  readonly whyPublic?: string | undefined;
  /** What to do about a public reference, if that is not the same for all. */
  readonly publicHint?: string | undefined;
  /** The entry by which it stays public on purpose. */
  readonly allowed?: AllowedImages | undefined;
  /** It stays by an entry for what runs, so its tag has to be fixed. An exclusion may be no image at all. */
  readonly needsFixedTag: boolean;
  /** The bundle says that its registry does not have it. */
  readonly missing?: Missing | undefined;
}

/**
 * Groups what charts and manifests pull by image, by rights (with the pull secret or without), and by what allows it. Sorted by
 * reference.
 * @param decisions which images stay public on purpose, or do not exist
 */
export function wantedImages(
  sources: readonly SourceImages[],
  target: Target | undefined,
  bundled: BundledImages | undefined,
  decisions: ReferenceDecisions,
): WantedImage[] {
  const found = sources.flatMap((chart) => chart.references.map((located) => ({ chart, located })));
  const keptAs = ({ chart, located }: (typeof found)[number]): AllowedImages | undefined =>
    isPublicName(located) ? chart.keeps?.(located) : undefined;
  const allowedAs = (entry: (typeof found)[number]): AllowedImages | undefined =>
    decisions.stays(entry.located.reference, entry.located.namespace ?? entry.chart.namespace) ?? keptAs(entry);
  const isPublicName = ({ reference }: InstalledReference): boolean =>
    target !== undefined && parseReference(reference).registry !== target.registry;
  const isAnonymous = ({ chart, located }: (typeof found)[number]): boolean =>
    !isPublicName(located) && chart.lacksSecret(located);
  const groups = Map.groupBy(found, (entry) =>
    JSON.stringify([
      entry.located.reference,
      isAnonymous(entry),
      allowedAs(entry),
      isPublicName(entry.located) && entry.chart.publicHint,
    ]),
  );
  const images = [...groups.values()].map((group): WantedImage => {
    const [{ chart, located }] = group as [(typeof group)[number]];
    const { reference } = located;
    const isPublic = isPublicName(located);
    const image = target && !isPublic ? bundled?.atTarget(reference) : bundled?.named(reference);
    const source = image?.source ?? (isPublic ? reference : upstreamName(located, target));
    const allowed = allowedAs({ chart, located });
    const whyPublic = isPublic ? chart.whyPublic(located) : undefined;
    return {
      reference,
      ...(source !== undefined && { source }),
      ...(image !== undefined && { digest: image.digest }),
      ...(image?.sourceDigest !== undefined && { sourceDigest: image.sourceDigest }),
      ...(isAnonymous({ chart, located }) && { anonymous: true as const }),
      workloads: distinct(group.map((entry) => workloadOf(entry.chart, entry.located))),
      isPublic,
      isWrong: target !== undefined && hasTargetHost(target, reference),
      whyPublic,
      publicHint: chart.publicHint,
      allowed,
      needsFixedTag:
        allowed !== undefined && (decisions.allowed.includes(allowed) || keptAs({ chart, located }) !== undefined),
      missing: decisions.missing(source ?? reference),
    };
  });
  return images.sort(
    (a, b) => compareText(a.reference, b.reference) || Number(a.anonymous ?? false) - Number(b.anonymous ?? false),
  );
}

/** Returns the name by which the connected side gets an image; undefined if only the user's values name it. */
function upstreamName({ source }: InstalledReference, target: Target | undefined): string | undefined {
  if (source === undefined || target === undefined) return source;
  return isUnderTarget(target, parseReference(source)) ? undefined : source;
}

function workloadOf({ chart, namespace: ofRelease }: SourceImages, located: InstalledReference): CheckedWorkload {
  const { kind, name, container, path, within, how, template } = located;
  const isOfFile = chart.includes(' ') && template !== '';
  // Other objects may belong to no namespace. The default one may just not have been named.
  const isKnown = how === 'pod-spec' && ofRelease !== 'default';
  const namespace = located.namespace ?? (isKnown ? ofRelease : undefined);
  return {
    chart,
    profile: located.profile,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(container !== undefined && { container }),
    path: within === undefined ? path : `${path} (${within})`,
    ...(isOfFile && { file: template }),
    ...(how !== 'pod-spec' && { byOperator: true as const }),
  };
}

function distinct(workloads: readonly CheckedWorkload[]): CheckedWorkload[] {
  return [...new Map(workloads.map((workload) => [JSON.stringify(workload), workload])).values()];
}

/** Pull secret of Pods. */
export interface PodSecret {
  /** Without a name, all Pods are taken to use it. */
  readonly name: string | undefined;
  /** Where it was read; undefined for a file that does not say it. */
  readonly namespace?: string | undefined;
  readonly keychain: Keychain;
}

/** Returns the other namespaces with Pods that name the pull secret: each needs a Secret of its own. Sorted. */
export function otherNamespaces(images: readonly WantedImage[], { namespace: own }: PodSecret): string[] {
  if (own === undefined) return [];
  const workloads = images
    .filter(({ isPublic, anonymous }) => !isPublic && !anonymous)
    .flatMap((image) => image.workloads.filter(({ byOperator }) => !byOperator));
  const namespaces = workloads.flatMap(({ namespace }) => namespace ?? []);
  return [...new Set(namespaces)].filter((namespace) => namespace !== own).sort();
}

/** Returns what to do about Pods without the secret, and about a secret without a login. The registry's hint is for the caller. */
async function secretHint(
  { reference, anonymous }: WantedImage,
  { name = '', keychain }: PodSecret,
): Promise<Pick<TargetAnswer, 'hint'> | undefined> {
  if (anonymous) {
    const hint = `add ${name} to these Pods with values --pull-secret ${name}, and --unmapped=post-render if no value does, or to their service account`;
    return { hint };
  }
  const { registry, path } = parseReference(reference);
  if ((await keychain.lookup(registry, path)) !== undefined) return undefined;
  return { hint: `add a login for ${registry} to the pull secret${name === '' ? '' : ` ${name}`}` };
}

/** Reports whether a reference means the same image tomorrow, as far as its name says it. */
function isFixed({ tag, digest }: Reference): boolean {
  return digest !== undefined || (tag !== undefined && tag !== 'latest');
}

/** Who answers. */
interface Answering {
  readonly bundled: BundledImages | undefined;
  readonly platforms: readonly Platform[];
  /** Questions to the target with the rights of Pods, and of those without the pull secret; absent without a target. */
  readonly pods?: TargetQuestions;
  readonly anonymous?: TargetQuestions;
  readonly secret?: PodSecret | undefined;
  /** Called for each answer. */
  readonly advance: Advance;
}

/** Reason of a missing image that was accepted without one. */
const ACCEPTED = 'accepted when bundling';

/** Returns the answer about an image that does not exist: a target that has it all the same is right. */
function unlessMissing(
  answer: TargetAnswer,
  missing: Missing | undefined,
): TargetAnswer & { readonly isMissing?: true } {
  if (missing === undefined || (answer.status !== 'not-pushed' && answer.status !== 'not-in-bundle')) return answer;
  return { status: missing.allowed ? 'ok' : 'missing', detail: missing.why, isMissing: true };
}

/** Finds out for each image whether a node would get it. */
export async function answerImages(
  images: readonly WantedImage[],
  { bundled, platforms, pods, anonymous, secret, advance }: Answering,
): Promise<CheckedImage[]> {
  const answerTo = async (image: WantedImage): Promise<TargetAnswer> => {
    const { reference, source, isPublic, isWrong, whyPublic, publicHint, allowed, needsFixedTag } = image;
    if (allowed !== undefined)
      return { status: !needsFixedTag || isFixed(parseReference(reference)) ? 'ok' : 'unpinned' };
    if (isPublic && isWrong) return { status: 'wrong-name', detail: whyPublic };
    if (isPublic) return { status: 'public-name', detail: whyPublic, hint: publicHint };
    const questions = image.anonymous ? anonymous : pods;
    if (questions === undefined) return bundled?.ask(reference, platforms) ?? { status: 'ok' };
    const answer = await questions.ask(parseReference(reference));
    if (answer.status === 'no-permission' && secret) return { ...answer, ...(await secretHint(image, secret)) };
    const isInBundle = bundled === undefined || (source !== undefined && bundled.named(source) !== undefined);
    if (answer.status !== 'not-pushed' || isInBundle) return answer;
    return { ...answer, status: 'not-in-bundle', detail: source && bundled.whyLeftOut(source) };
  };
  return Promise.all(
    images.map(async (wanted) => {
      const {
        isPublic: _,
        isWrong: _____,
        whyPublic: __,
        publicHint: ___,
        needsFixedTag: ____,
        allowed,
        missing,
        ...image
      } = wanted;
      const answer = unlessMissing(await answerTo(wanted), missing);
      advance();
      const {
        digest: digestAtTarget,
        platforms: platformsAtTarget,
        status,
        message,
        detail,
        hint = HINTS[status],
      } = answer;
      return {
        ...image,
        ...(allowed !== undefined && { state: 'public-on-purpose' as const, allowed: allowed.reason }),
        ...(answer.isMissing && { state: 'missing' as const }),
        ...(answer.isMissing && missing?.allowed && { allowed: missing.allowed.reason ?? ACCEPTED }),
        ...(digestAtTarget !== undefined && { digestAtTarget }),
        status,
        ...(message !== undefined && { message }),
        ...(detail !== undefined && { detail }),
        ...(hint !== undefined && { hint }),
        platforms: platforms.map(formatPlatform),
        ...(platformsAtTarget !== undefined && { platformsAtTarget: [...platformsAtTarget] }),
      };
    }),
  );
}
