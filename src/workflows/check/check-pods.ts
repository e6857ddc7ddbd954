import { basename } from 'node:path';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { ReferenceState } from '../../inventory/state.ts';
import { type Pod, type PodImage, type PodSource, readPods } from '../../kubernetes/pods.ts';
import { formatTarget, isUnderTarget, type Target } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import { type AllowedImages, type OnPurpose, ReferenceDecisions } from '../../search/reference-decisions.ts';
import type { Context } from '../../session/context.ts';
import { withWrittenNames } from '../push/written-names.ts';
import { BundledDigests } from './bundled-digests.ts';
import { pullCause } from './pull-cause.ts';

/** Options of {@link checkPods}. */
export interface PodCheckOptions extends Pick<OpenOptions, 'signers'> {
  readonly source: PodSource;
  /** Reads standard input to its end. */
  readonly readInput: () => Promise<Uint8Array>;
  readonly target: Target;
  /** Bundle, or archive of another tool, whose content the Pods should run. */
  readonly bundle?: string | undefined;
  readonly onPurpose: OnPurpose;
}

/**
 * What is wrong with an image of a Pod, in the order of reports:
 * - `cannot-pull`: the node could not get it (ImagePullBackOff)
 * - `not-target`: it does not name the target
 * - `other-digest`: the container runs other content than the bundle has under this name
 * - `not-pulled-yet`: the node has not tried
 */
const POD_REASONS = ['cannot-pull', 'not-target', 'other-digest', 'not-pulled-yet'] as const;
export type PodReason = (typeof POD_REASONS)[number];

/** A container, or a volume, of a Pod. */
export interface PodPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly node?: string;
  readonly container: string;
  readonly kind: PodImage['kind'];
  readonly imagePullSecrets: readonly string[];
  readonly state: PodImage['state'];
  /** Kubernetes' word for why it is not pulled, such as ImagePullBackOff. */
  readonly why?: string;
  /** The kubelet's message. */
  readonly message?: string;
  /** Digest that the runtime reports. */
  readonly digest?: Digest;
}

/** An image, and the Pods with the same problem of it. */
export interface PodProblem {
  readonly reason: PodReason;
  /** Normalized as Kubernetes does; as written if it is no reference. */
  readonly image: string;
  /** Cause without the names of the image, by which reports group; empty if there is nothing to say. */
  readonly cause: string;
  /** With `other-digest`: what the bundle has. */
  readonly expected?: Digest;
  readonly places: readonly PodPlace[];
}

/** Images that an entry of the list allowed. */
export interface AllowedPods extends AllowedImages {
  readonly state: Extract<ReferenceState, 'public-on-purpose'>;
  readonly images: readonly string[];
  readonly places: readonly PodPlace[];
}

export interface PodCheck {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly bundle?: string;
  /** True if every image of every Pod is the target's and pulled, or allowed. */
  readonly ok: boolean;
  readonly counts: { readonly pods: number; readonly podsWithProblems: number; readonly images: number };
  readonly problems: readonly PodProblem[];
  readonly allowed: readonly AllowedPods[];
  /** Entries of the list that allow no image of these Pods. */
  readonly unusedAllowed: readonly AllowedImages[];
  /** Images under the target that the bundle does not have; no problem by itself. Absent without a bundle. */
  readonly notInBundle?: readonly { readonly image: string; readonly places: readonly PodPlace[] }[];
}

/** One image of one Pod. */
interface Seen {
  readonly image: string;
  readonly place: PodPlace;
  /** Under the target, but not in the bundle. */
  readonly isNotInBundle?: true;
  readonly problem?: Pick<PodProblem, 'reason' | 'cause' | 'expected'>;
}

/**
 * Checks whether the Pods of a cluster run images of the target, and with a bundle whether they run its content.
 * @throws AirgapError `config` for a file without Pods, `cluster`, `bundle-invalid`, `signature`, `file`, `usage`
 */
export async function checkPods(context: Context, options: PodCheckOptions): Promise<PodCheck> {
  const { source, readInput, bundle, onPurpose } = options;
  const title = 'cluster' in source ? 'asking the cluster for its Pods' : 'reading Pods';
  const pods = await runStep(context.emit, title, () => readPods({ ...context, readInput }, source));
  const { target, digests, inventory } = await readBundle(context, options);
  const seen = pods.flatMap((pod) => pod.images.map((image) => inspect(pod, image, target, digests)));
  // An image of the target may be allowed as well, whatever its problem is.
  const decisions = new ReferenceDecisions(onPurpose, undefined, inventory);
  const allowed = new Map<AllowedImages, Seen[]>();
  const failing = seen.filter((found) => {
    if (found.problem === undefined) return false;
    const entry = decisions.stays(found.image, found.place.namespace);
    if (entry !== undefined) allowed.set(entry, [...(allowed.get(entry) ?? []), found]);
    return entry === undefined;
  });
  const notInBundle = seen.filter(({ isNotInBundle }) => isNotInBundle);
  return {
    target: formatTarget(target),
    ...(bundle !== undefined && { bundle }),
    ok: failing.length === 0,
    counts: {
      pods: pods.length,
      podsWithProblems: new Set(failing.map(({ place }) => `${place.namespace}/${place.pod}`)).size,
      images: new Set(seen.map(({ image }) => image)).size,
    },
    problems: problemsOf(failing),
    allowed: [...allowed].map(([entry, used]) => ({
      ...{ state: 'public-on-purpose' as const, ...entry },
      ...{ images: imagesOf(used), places: used.map(({ place }) => place) },
    })),
    unusedAllowed: decisions.unusedAllowed(),
    ...(digests && { notInBundle: byImage(notInBundle) }),
  };
}

async function readBundle(
  { emit }: Context,
  { target, bundle, signers }: PodCheckOptions,
): Promise<{ readonly target: Target; readonly digests?: BundledDigests; readonly inventory?: Inventory | undefined }> {
  if (bundle === undefined) return { target };
  const source = await openCheckedBundle(bundle, { signers, emit });
  try {
    const written = withWrittenNames(target, [source]);
    const title = `reading the manifests of ${printableLine(basename(bundle))}`;
    const inventory = source.inventory();
    return {
      target: written,
      inventory,
      digests: await runStep(emit, title, () => BundledDigests.read(source, written)),
    };
  } finally {
    await source.close();
  }
}

function inspect(pod: Pod, found: PodImage, target: Target, digests: BundledDigests | undefined): Seen {
  const { namespace, name, owner, node, imagePullSecrets } = pod;
  const { container, kind, image: written, state, reason, message, digest } = found;
  const reference = tryParseReference(written);
  const image = reference === undefined ? written : formatReference(reference);
  const place: PodPlace = {
    namespace,
    pod: name,
    ...(owner && { owner }),
    ...(node !== undefined && { node }),
    container,
    kind,
    imagePullSecrets,
    state,
    ...(reason !== undefined && { why: reason }),
    ...(message !== undefined && { message }),
    ...(digest !== undefined && { digest }),
  };
  // The first thing to do about a public name is to replace it, whether the node got it or not.
  if (reference === undefined || !isUnderTarget(target, reference)) {
    return { image, place, problem: { reason: 'not-target', cause: '' } };
  }
  const bundled = digests?.find(reference);
  const seen: Seen = { image, place, ...(digests && bundled === undefined && { isNotInBundle: true }) };
  if (state === 'cannot-pull') {
    // Older kubelets say nothing else while they back off.
    return { ...seen, problem: { reason: 'cannot-pull', cause: pullCause(message ?? '', written) || (reason ?? '') } };
  }
  if (state === 'waiting') return { ...seen, problem: { reason: 'not-pulled-yet', cause: reason ?? '' } };
  if (bundled === undefined || digest === undefined || digests?.isSame(bundled, digest)) return seen;
  return { ...seen, problem: { reason: 'other-digest', cause: digest, expected: bundled.digest } };
}

/** Groups by reason, image and cause; in the order of reasons, then of causes with most images. */
function problemsOf(failing: readonly Seen[]): PodProblem[] {
  const groups = Map.groupBy(failing, ({ image, problem }) => JSON.stringify([problem, image]));
  const problems = [...groups.values()].flatMap((group): PodProblem[] => {
    const [first] = group;
    if (first?.problem === undefined) return [];
    return [{ ...first.problem, image: first.image, places: group.map(({ place }) => place) }];
  });
  const order = (problem: PodProblem): number => POD_REASONS.indexOf(problem.reason);
  return problems.sort((a, b) => order(a) - order(b));
}

function byImage(seen: readonly Seen[]): { readonly image: string; readonly places: readonly PodPlace[] }[] {
  const groups = Map.groupBy(seen, ({ image }) => image);
  return [...groups].map(([image, group]) => ({ image, places: group.map(({ place }) => place) }));
}

function imagesOf(seen: readonly Seen[]): readonly string[] {
  return [...new Set(seen.map(({ image }) => image))];
}
