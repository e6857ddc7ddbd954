import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { isDigest } from '../oci/digest.ts';
import { formatReference, tryParseReference, tryParseRepository } from '../oci/reference.ts';
import { choiceSchema } from './choice.ts';
import { issuesOf } from './issues.ts';
import { recipeSchema } from './recipe.ts';

/** The lock: what a bundle holds and why. An artifact in the bundle's layout, media type `MediaType.lock`. */

const digest = z.string().refine(isDigest, 'not a digest');

/** What becomes a repository or a tag: nobody who reads a lock has to look at it again. */
const reference = z.string().refine((text) => {
  const parsed = tryParseReference(text);
  return parsed !== undefined && formatReference(parsed) === text;
}, 'not a full image reference');

const place = z.object({
  chart: z.string(),
  profile: z.string(),
  template: z.string(),
  subcharts: z
    .array(z.object({ name: z.string(), version: z.string().optional(), alias: z.string().optional() }))
    .optional(),
  document: z.int().nonnegative(),
  kind: z.string(),
  name: z.string(),
  path: z.string(),
  within: z.string().optional(),
  how: z.enum([
    'pod-spec',
    'env',
    'argument',
    'config',
    'custom-resource',
    'annotation',
    'influence',
    'declared',
    'nested-chart',
    'operator-rule',
    'image-config',
    'inside-image',
    'added',
  ]),
  written: z.string(),
  parts: z
    .array(
      z.object({
        role: z.enum(['registry', 'repository', 'image', 'tag', 'digest']),
        path: z.string(),
        text: z.string(),
      }),
    )
    .optional(),
  hook: z.string().optional(),
  values: z.array(z.string()).optional(),
  via: z.array(z.string()).optional(),
  redirect: z
    .object({
      kind: z.enum(['values', 'env', 'argument', 'resource-field', 'none']),
      name: z.string().optional(),
      value: z.string().optional(),
      values: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  userMade: z.literal(true).optional(),
});

const profile = z.object({
  name: z.string(),
  kubeVersion: z.string().optional(),
  apiVersions: z.array(z.string()).optional(),
  /** Where its values came from (given.ts); absent when nobody knows, as of charts that others bring along. */
  given: z.object({ files: z.array(z.string()).optional(), set: z.array(z.string()).optional() }).optional(),
  /** How its references are put together from values; for the install, and for the upgrade where that shows more. */
  recipes: z.array(recipeSchema).optional(),
});

/** What belongs to an image or a chart: a signature, an attestation, a bill of materials, or whatever has it as its subject. */
const referrer = z.object({
  /** Of its manifest. */
  digest,
  /** What it belongs to: the image or chart, something below it, or another of these. */
  subject: digest,
  /** As the manifest says, else the media type of its config; empty where it was not read. */
  artifactType: z.string(),
  /** Cosign's tag, where nothing else ties it to its subject. */
  tag: z
    .string()
    .refine((tag) => isName('tag', tag), 'not a tag')
    .optional(),
  /**
   * It is not pushed: a choice of platforms made another index of its subject. A signature is in the bundle all the same, in
   * the lock's artifact.
   */
  leftOut: z.literal(true).optional(),
});

const chart = z.object({
  name: z.string().refine((name) => isName('chart name', name), 'not the name of a chart'),
  version: z.string().refine((version) => isName('chart version', version), 'not the version of a chart'),
  /** Where it came from: a path's last part, a repository URL with the name, an oci:// reference. */
  source: z.string(),
  /** Of the chart's OCI manifest in the bundle. */
  digest,
  /** The chart that brings it along, for one that was not asked for by name. */
  parent: z.string().optional(),
  profiles: z.array(profile),
  referrers: z.array(referrer).optional(),
});

const image = z.object({
  /** Full, normalised reference. */
  reference,
  /** Of the manifest or index in the bundle. */
  digest,
  mediaType: z.string(),
  /** The digest at the source, when a platform subset made another index. */
  sourceDigest: digest.optional(),
  /** `os/architecture[/variant]` of the images inside; empty for artifacts. */
  platforms: z.array(z.string()),
  /** Bytes of all blobs and manifests that it needs, shared ones included. */
  bytes: z.int().nonnegative(),
  confidence: z.enum(['certain', 'likely', 'possible']),
  need: z.enum(['install', 'operand', 'lifecycle', 'optional', 'test']),
  found: z.array(place),
  referrers: z.array(referrer).optional(),
});

/** A blob of the images that a delta leaves out: whoever gets it has it already. */
const required = z.object({
  digest,
  size: z.int().nonnegative(),
  /** Where the older bundle has it, in the names of the source, as `quay.io/prometheus/prometheus`. */
  repositories: z.array(z.string().refine((name) => tryParseRepository(name) !== undefined, 'not a repository')),
});

export const lockSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Lock'),
  /** Of this document's shape; a reader refuses what is newer than it knows. */
  schemaVersion: z.literal(1),
  /** Wanted platforms; empty: all. */
  platforms: z.array(z.string()),
  charts: z.array(chart),
  images: z.array(image),
  /** What somebody chose otherwise than it was found, and why. */
  choices: z.array(choiceSchema).optional(),
  /** Of a delta: the digest of the older bundle's lock manifest. */
  since: digest.optional(),
  /** Of a delta: every blob that it leaves out, and its receiver must have. All manifests and charts are in it. */
  requires: z.array(required).optional(),
});

export type Lock = Readonly<z.infer<typeof lockSchema>>;
export type LockChart = Lock['charts'][number];
export type LockImage = Lock['images'][number];
export type LockReferrer = NonNullable<LockImage['referrers']>[number];
export type RequiredBlob = NonNullable<Lock['requires']>[number];

/**
 * Reads a lock.
 * @throws AirgapError `bundle-invalid` with every field that is wrong, ten of them by name
 */
export function parseLock(bytes: Uint8Array): Lock {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new AirgapError('bundle-invalid', 'the lock in the bundle is not JSON', { cause });
  }
  const version = (json as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > 1) {
    throw new AirgapError(
      'bundle-invalid',
      `the bundle's lock has schema version ${version}; this helm airgap reads 1`,
      {
        hint: 'use the version of helm airgap that wrote the bundle, or a newer one',
      },
    );
  }
  const result = lockSchema.safeParse(json);
  if (!result.success) {
    throw new AirgapError(
      'bundle-invalid',
      `the lock in the bundle does not fit its schema: ${issuesOf(result.error)}`,
    );
  }
  return result.data;
}

/** The bytes of a lock: charts and images in a fixed order, no time and no path of the machine, so equal runs give equal bytes. */
export function formatLock(lock: Lock): Uint8Array {
  const charts = [...lock.charts].sort((a, b) => compare(`${a.name} ${a.version}`, `${b.name} ${b.version}`));
  const images = [...lock.images].sort((a, b) => compare(a.reference, b.reference));
  return Buffer.from(`${JSON.stringify({ ...lock, charts, images }, null, 1)}\n`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
