import * as z from 'zod';
import { CHECK_REASONS } from './check-reasons.ts';
import { digestSchema, referenceSchema } from './inventory.ts';
import { notKnownSchema, type ReferenceState } from './state.ts';

/** Object of a chart or of manifests whose Pods pull an image. */
const workload = z.object({
  /** Name of the chart, or of the manifests, which contains a space. */
  chart: z.string(),
  profile: z.string(),
  /** Empty if the image is in no rendered object. */
  kind: z.string(),
  name: z.string(),
  /** Namespace of the object, or of the release if that is known. */
  namespace: z.string().optional(),
  /** Container of the object's Pods. */
  container: z.string().optional(),
  /** Field of the object, such as `spec.template.spec.containers[0].image`. */
  path: z.string(),
  /** File of manifests that has the object. */
  file: z.string().optional(),
  /** The object passes the image on: Pods that a running program makes pull it. */
  byOperator: z.literal(true).optional(),
});

const image = z
  .object({
    /** What the node would pull, normalized. Without a target, the same as `source`. */
    /** Full; of a name that stays public, which may be only a registry or a prefix, as it is written. */
    reference: z.string(),
    /** Upstream name, by which `bundle` gets the image; absent if only the site's values name it. */
    source: z.string().optional(),
    /** Digest in the bundle. */
    digest: digestSchema.optional(),
    /** Digest at its source when it was bundled; differs from `digest` if the bundle has some of its platforms only. */
    sourceDigest: digestSchema.optional(),
    /** Digest that the target has, if it was read. */
    digestAtTarget: digestSchema.optional(),
    status: z.enum(['ok', ...CHECK_REASONS]),
    /** `public-on-purpose`, or `missing`: the bundle says that its registry does not have it. */
    state: z.enum(['public-on-purpose', 'missing'] satisfies ReferenceState[]).optional(),
    /** Why it stays public, or why it may be missing; the target is not asked for an image that stays public. */
    allowed: z.string().optional(),
    /** What is wrong, in words that are equal for all images with the same cause. */
    message: z.string().optional(),
    /** What is wrong with this image in particular. */
    detail: z.string().optional(),
    hint: z.string().optional(),
    /** Wanted platforms, `os/architecture[/variant]`. */
    platforms: z.array(z.string()),
    /** Platforms at the target; without a target, in the bundle. Absent if they were not read. */
    platformsAtTarget: z.array(z.string()).optional(),
    /** Asked for without credentials, because these workloads do not name the pull secret. */
    anonymous: z.literal(true).optional(),
    workloads: z.array(workload),
  })
  .superRefine((entry, context) => {
    if (entry.status === 'public-name' || entry.status === 'wrong-name') return;
    for (const key of ['reference', 'source'] as const) {
      const isWrong = entry[key] !== undefined && !referenceSchema.safeParse(entry[key]).success;
      if (isWrong) context.addIssue({ code: 'custom', path: [key], message: 'not a full image reference' });
    }
  });

const chart = z.object({
  name: z.string(),
  version: z.string(),
  profile: z.string(),
  /** With bundle and target: where `push` puts the chart, and whether it is there. */
  reference: referenceSchema.optional(),
  status: z.enum(['ok', ...CHECK_REASONS]).optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
});

/** Result of `check`: the images that workloads would pull, and for each whether a node would get it. */
const checkResultSchema = z.object({
  /** `REGISTRY[/PREFIX]`; absent if the bundle alone was checked. */
  target: z.string().optional(),
  /** The bundle as given. */
  bundle: z.string().optional(),
  /** Wanted platforms. */
  platforms: z.array(z.string()),
  charts: z.array(chart),
  /** Names of the manifests and kustomizations; absent if there are none. */
  manifests: z.array(z.string()).optional(),
  /** Entries of the list of allowed images that allow nothing; absent if there are none. */
  unusedAllowed: z
    .array(z.object({ image: z.string(), namespace: z.string().optional(), reason: z.string() }))
    .optional(),
  /** Each reference once; several times if it is also asked for anonymously, or allowed for some objects only. Sorted. */
  images: z.array(image),
  /** What was not understood in the charts; absent if there is nothing. */
  notKnown: z.array(notKnownSchema).optional(),
});

/** The JSON document of `check`. */
export const checkDocumentSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Check'),
  ...checkResultSchema.shape,
});

export type CheckResult = Readonly<z.infer<typeof checkResultSchema>>;
export type CheckedImage = CheckResult['images'][number];
export type CheckedWorkload = CheckedImage['workloads'][number];
export type CheckedChart = CheckResult['charts'][number];
