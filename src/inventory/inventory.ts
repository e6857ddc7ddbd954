import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { compareText } from '../base/text-order.ts';
import { isDigest } from '../oci/digest.ts';
import { formatReference, tryParseReference, tryParseRepository } from '../oci/reference.ts';
import { CONFIDENCES, EVIDENCE_KINDS, type Location, NEEDS, REDIRECT_KINDS, SPLIT_ROLES } from './finding.ts';
import { networkSchema } from './network.ts';
import { recipeSchema } from './recipe.ts';
import { selectionRecordSchema } from './selection-record.ts';
import { notKnownSchema, type ReferenceState } from './state.ts';
import { sortTools } from './tool-names.ts';
import { TOOLS_SCHEMA_VERSION, toolsSchema } from './tools.ts';

/** The inventory of a bundle: its content and where it was found. An artifact of media type `MediaType.inventory`. */

export const digestSchema = z.string().refine(isDigest, 'not a digest');

/** Checked here because readers build repositories and tags from it. */
export const referenceSchema = z.string().refine((text) => {
  const parsed = tryParseReference(text);
  return parsed !== undefined && formatReference(parsed) === text;
}, 'not a full image reference');

const location = z.object({
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
  how: z.enum(EVIDENCE_KINDS),
  written: z.string(),
  parts: z
    .array(
      z.object({
        role: z.enum(SPLIT_ROLES),
        path: z.string(),
        at: z.object({ path: z.string(), within: z.string().optional() }).optional(),
        text: z.string(),
      }),
    )
    .optional(),
  hook: z.string().optional(),
  values: z.array(z.string()).optional(),
  via: z.array(z.string()).optional(),
  pod: z.object({ namespace: z.string(), container: z.string(), running: z.string().optional() }).optional(),
  imageStream: z
    .object({ namespace: z.string(), tag: z.string(), class: z.string(), why: z.string(), file: z.string() })
    .optional(),
  redirect: z
    .object({
      kind: z.enum(REDIRECT_KINDS),
      name: z.string().optional(),
      value: z.string().optional(),
      values: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  userMade: z.literal(true).optional(),
}) satisfies z.ZodType<Location>;

const profile = z.object({
  name: z.string(),
  kubeVersion: z.string().optional(),
  apiVersions: z.array(z.string()).optional(),
  /** Origin of its values (values-origin.ts); absent if unknown, as for nested charts. */
  given: z
    .object({
      files: z.array(z.string()).optional(),
      /** Entries `flag key`, such as `--set image.tag`. */
      set: z.array(z.string()).optional(),
    })
    .optional(),
  /**
   * Recipes of its references, which say how they are built from values: for the install, and for the upgrade if that
   * has more references.
   */
  recipes: z.array(recipeSchema).optional(),
});

/** A referrer of an image or chart: signature, attestation, SBOM or another artifact. */
const referrer = z.object({
  /** Digest of its manifest. */
  digest: digestSchema,
  /** Digest of its subject: the image or chart, a manifest below it, or another referrer. */
  subject: digestSchema,
  /** Its `artifactType`, else the media type of its config; empty if the manifest was not read. */
  artifactType: z.string(),
  /** Cosign tag, if it has no `subject` field. */
  tag: z
    .string()
    .refine((tag) => isName('tag', tag), 'not a tag')
    .optional(),
  /**
   * Not pushed, because a platform subset replaced its subject. Signatures are still in the bundle, as evidence in the
   * inventory artifact.
   */
  leftOut: z.literal(true).optional(),
});

const chart = z.object({
  name: z.string().refine((name) => isName('chart name', name), 'not a valid chart name'),
  version: z.string().refine((version) => isName('chart version', version), 'not a valid chart version'),
  /** Source: last component of a path, repository URL with the chart name, or oci:// reference. */
  source: z.string(),
  /** Digest of the chart's OCI manifest in the bundle. */
  digest: digestSchema,
  /** Parent chart, if it was not requested by name. */
  parent: z.string().optional(),
  profiles: z.array(profile),
  referrers: z.array(referrer).optional(),
});

const image = z.object({
  /** Normalized reference. */
  reference: referenceSchema,
  /** Digest of the manifest or index in the bundle. */
  digest: digestSchema,
  mediaType: z.string(),
  /** Digest at the source, if a platform subset replaced the index. */
  sourceDigest: digestSchema.optional(),
  /** `os/architecture[/variant]` of the contained images; empty for artifacts. */
  platforms: z.array(z.string()),
  /** Bytes of all its blobs and manifests, including shared ones. */
  bytes: z.int().nonnegative(),
  confidence: z.enum(CONFIDENCES),
  need: z.enum(NEEDS),
  found: z.array(location),
  referrers: z.array(referrer).optional(),
  /**
   * The target had its manifest, but not all of its content, when it was checked: `push` sends the content although the
   * tag has the digest.
   */
  incomplete: z.literal(true).optional(),
});

/** An image that is only listed: `possible`, or one of too many uncertain ones in one object. */
const possible = z.object({ reference: referenceSchema, found: z.array(location) });

/** A likely image that its registry does not have, so that the bundle lacks it. */
const missing = z.object({
  state: z.literal('missing' satisfies ReferenceState),
  reference: referenceSchema,
  confidence: z.enum(CONFIDENCES),
  need: z.enum(NEEDS),
  found: z.array(location),
  /** Answer of the registry. */
  why: z.string(),
  /** The user accepts that it is missing. */
  allowed: z.object({ reason: z.string().optional() }).optional(),
});

/** An image blob that a delta omits because its receiver has it already. */
const requiredBlob = z.object({
  digest: digestSchema,
  size: z.int().nonnegative(),
  /** Source repositories of the blob in the older bundle, such as `quay.io/prometheus/prometheus`. */
  repositories: z.array(z.string().refine((name) => tryParseRepository(name) !== undefined, 'not a repository')),
});

export const inventorySchema = z
  .object({
    apiVersion: z.literal('airgap/v1'),
    kind: z.literal('Lock'),
    /** Version of the schema: 2 for a bundle with tools. Readers reject newer versions. */
    schemaVersion: z.literal([1, TOOLS_SCHEMA_VERSION]),
    /** Selected platforms; empty for all. */
    platforms: z.array(z.string()),
    charts: z.array(chart),
    images: z.array(image),
    /** Selections by the user, with their reasons. */
    choices: z.array(selectionRecordSchema).optional(),
    /** Digest of sigstore's trusted root in the inventory artifact, by which keyless signatures of the images are verified. */
    trustedRoot: digestSchema.optional(),
    /** For a delta: digest of the older bundle's inventory manifest. */
    since: digestSchema.optional(),
    /** For a delta: blobs that it omits and its receiver must have. Manifests and charts are never omitted. */
    requires: z.array(requiredBlob).optional(),
    /** First version of helm airgap that reads this schema version, for messages of older ones; absent for version 1. */
    minReaderVersion: z.string().optional(),
    /** Programs and archives in `tools/`, sorted by name. */
    tools: toolsSchema.optional(),
    /** Version of helm airgap that first made a bundle with this content; absent in older ones, as are the two fields below. */
    madeBy: z.string().optional(),
    /** What workloads fetch at run time besides images; absent if the charts were not searched, as with a lock file. */
    network: networkSchema.optional(),
    /** Images that were found, but are too uncertain to be bundled without `--include`. */
    possible: z.array(possible).optional(),
    /** Images that were needed and do not exist in their registries; absent in older bundles, as is the field below. */
    missing: z.array(missing).optional(),
    /** What was not understood or not looked at. */
    notKnown: z.array(notKnownSchema).optional(),
  })
  .refine(({ schemaVersion, tools }) => tools === undefined || schemaVersion === TOOLS_SCHEMA_VERSION, {
    path: ['tools'],
    message: `need schema version ${TOOLS_SCHEMA_VERSION}`,
  });

export type Inventory = Readonly<z.infer<typeof inventorySchema>>;
export type InventoryChart = Inventory['charts'][number];
export type InventoryImage = Inventory['images'][number];
export type MissingImage = NonNullable<Inventory['missing']>[number];
export type InventoryReferrer = NonNullable<InventoryImage['referrers']>[number];
export type RequiredBlob = NonNullable<Inventory['requires']>[number];

/**
 * Parses an inventory.
 * @throws AirgapError `bundle-invalid`; lists up to ten invalid fields
 */
export function parseInventory(bytes: Uint8Array): Inventory {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new AirgapError('bundle-invalid', "the bundle's inventory is not JSON", { cause });
  }
  refuseNewerSchema(json, "the bundle's inventory");
  const result = inventorySchema.safeParse(json);
  if (!result.success) {
    throw new AirgapError(
      'bundle-invalid',
      `the bundle's inventory does not match its schema: ${formatIssues(result.error)}`,
    );
  }
  return result.data;
}

/**
 * Refuses documents of a newer schema, which older versions would misread.
 * @param subject of the message
 * @throws AirgapError `bundle-invalid`, with the version that reads it if the document says so
 */
export function refuseNewerSchema(json: unknown, subject: string): void {
  const { schemaVersion, minReaderVersion: reader } = Object(json) as Partial<Record<keyof Inventory, unknown>>;
  if (typeof schemaVersion !== 'number' || schemaVersion <= TOOLS_SCHEMA_VERSION) return;
  const known = typeof reader === 'string' && isName('chart version', reader) ? reader : undefined;
  const readers = known === undefined ? '' : `, which helm airgap ${known} and newer read`;
  throw new AirgapError(
    'bundle-invalid',
    `${subject} has schema version ${schemaVersion}${readers}; this helm airgap reads 1 to ${TOOLS_SCHEMA_VERSION}`,
    {
      hint:
        known === undefined
          ? 'use the version of helm airgap that wrote the bundle, or a newer one'
          : `install helm airgap ${known} or newer`,
    },
  );
}

/** Formats an inventory with sorted charts, images and tools, no timestamp and no local paths: equal runs give equal bytes. */
export function formatInventory(inventory: Inventory): Uint8Array {
  const charts = [...inventory.charts].sort((a, b) => compareText(`${a.name} ${a.version}`, `${b.name} ${b.version}`));
  const images = [...inventory.images].sort((a, b) => compareText(a.reference, b.reference));
  const sorted = {
    ...{ ...inventory, charts, images },
    ...(inventory.missing && {
      missing: [...inventory.missing].sort((a, b) => compareText(a.reference, b.reference)),
    }),
    ...(inventory.tools && { tools: sortTools(inventory.tools) }),
  };
  return Buffer.from(`${JSON.stringify(sorted, null, 1)}\n`);
}

/** Maximum number of fields in a message. */
const MAX_SHOWN = 10;

/** Formats schema errors in one line: `field: error; …`, with a count of those after the first ten. */
export function formatIssues({ issues }: z.ZodError): string {
  const fields = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const more = fields.length > MAX_SHOWN ? `; and ${fields.length - MAX_SHOWN} more` : '';
  return `${fields.slice(0, MAX_SHOWN).join('; ')}${more}`;
}
