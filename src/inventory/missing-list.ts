import { AirgapError, messageOf } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { readLimited } from '../base/read-limited.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { formatPlatform, type Platform, parsePlatform } from '../oci/platform.ts';
import { formatRepository, parseReference, tryParseReference } from '../oci/reference.ts';
import type { CheckReason } from './check-reasons.ts';
import { type CheckedChart, type CheckedImage, checkDocumentSchema } from './check-result.ts';
import { formatIssues } from './inventory.ts';

/** An image that `check` did not find at the target, or not whole. */
export interface MissingImage {
  /** Upstream name. */
  readonly reference: string;
  /** Digest at its source, if the bundle that was checked has the image. */
  readonly sourceDigest?: Digest;
  /** Name as the charts write it, as far as the name at the target tells. */
  readonly written: string;
  /** Charts whose workloads pull it. */
  readonly charts: readonly string[];
  /** Platforms to bundle: those wanted, and those that the target has. Empty: all. */
  readonly platforms: readonly Platform[];
  /** Platforms that the target has. */
  readonly platformsAtTarget: readonly Platform[];
  /** Digest by which the overrides name it, if they do (`values --pin`). */
  readonly pinned?: Digest;
  /** Digest of its tag at the target, if it has one. */
  readonly digestAtTarget?: Digest;
  /** The target has images for other platforms only. */
  readonly isWrongPlatform: boolean;
  /** The target has the manifest, but not all of its content. */
  readonly isIncomplete: boolean;
}

/** An image or chart that nodes cannot get for a reason that no bundle changes. */
interface UnfixableName {
  readonly reason: CheckReason | 'no-upstream-name';
  readonly name: string;
}

/** What `check` found missing. */
export interface MissingList {
  readonly images: readonly MissingImage[];
  readonly charts: readonly { readonly name: string; readonly version: string }[];
  /** Wanted platforms. */
  readonly platforms: readonly Platform[];
  readonly unfixable: readonly UnfixableName[];
}

/** Reasons that content changes. */
const FIXED_BY_CONTENT: ReadonlySet<string> = new Set<CheckReason>([
  'not-in-bundle',
  'not-pushed',
  'incomplete',
  'wrong-platform',
]);

/** Maximum size in bytes: some thousand images with hundred workloads each. */
const SIZE_LIMIT = 64 * 1024 * 1024;
/** Maximum number of images, since each costs several requests. */
const IMAGE_LIMIT = 10_000;

/**
 * Reads the document of `helm airgap check … -o json`. People carry it through shared folders, so it is checked like any
 * foreign file.
 * @throws AirgapError `config` if it cannot be read or is another document
 */
export async function readMissingList(path: string): Promise<MissingList> {
  const invalid = (what: string, cause?: unknown): AirgapError =>
    new AirgapError('config', `--only-missing: ${path} ${what}`, {
      hint: 'write the file on the isolated side: helm airgap check CHART --to REGISTRY -o json > missing.json',
      cause,
    });
  const text = (await readLimited(path, SIZE_LIMIT, invalid)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`is not JSON: ${messageOf(error)}`, error);
  }
  const { kind } = Object(json) as { kind?: unknown };
  if (kind !== 'Check') {
    throw invalid(
      kind === undefined ? 'has no kind: it is not the list' : `is of kind ${quoted(String(kind))}, not Check`,
    );
  }
  const result = checkDocumentSchema.safeParse(json);
  if (!result.success) throw invalid(`does not match its schema: ${formatIssues(result.error)}`);
  const { data } = result;
  if (data.images.length > IMAGE_LIMIT) throw invalid(`lists more than ${IMAGE_LIMIT} images`);
  try {
    return missingListOf(data.images, data.charts, data.platforms, data.target);
  } catch (error) {
    throw invalid(`is not valid: ${messageOf(error)}`, error);
  }
}

/** @throws AirgapError `usage` for an invalid platform */
function missingListOf(
  images: readonly CheckedImage[],
  charts: readonly CheckedChart[],
  platforms: readonly string[],
  target: string | undefined,
): MissingList {
  const missing = new Map<string, MissingImage>();
  const missingCharts = new Map<string, MissingList['charts'][number]>();
  const unfixable = new Map<string, UnfixableName>();
  for (const image of images) {
    const { status, source, reference } = image;
    if (status === 'ok') continue;
    if (!FIXED_BY_CONTENT.has(status)) unfixable.set(reference, { reason: status, name: reference });
    else if (source === undefined) unfixable.set(reference, { reason: 'no-upstream-name', name: reference });
    else missing.set(source, merged(missing.get(source), missingImage(image, source, target)));
  }
  for (const { name, version, status } of charts) {
    const title = `chart ${name} ${version}`;
    if (status === undefined || status === 'ok') continue;
    if (!isName('chart name', name) || !isName('chart version', version)) {
      throw new AirgapError('config', `${quoted(title)} is not a valid name`);
    }
    if (FIXED_BY_CONTENT.has(status)) missingCharts.set(title, { name, version });
    else unfixable.set(title, { reason: status, name: title });
  }
  return {
    images: [...missing.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1)),
    charts: [...missingCharts.values()],
    platforms: platforms.map(parsePlatform),
    unfixable: [...unfixable.values()],
  };
}

function missingImage(image: CheckedImage, reference: string, target: string | undefined): MissingImage {
  const { digest, sourceDigest, digestAtTarget, status, workloads } = image;
  const pinned = parseReference(image.reference).digest;
  const platformsAtTarget = (image.platformsAtTarget ?? []).map(parsePlatform);
  const wanted = image.platforms.map(parsePlatform);
  // An image that was bundled whole is bundled whole again, so that it has the same digest. So is one whose platforms at
  // the target are unknown, so that its tag loses none.
  const isUnknown = digestAtTarget !== undefined && platformsAtTarget.length === 0;
  const isWhole = isUnknown || (digest !== undefined && digest === sourceDigest);
  return {
    reference,
    ...(sourceDigest !== undefined && isDigest(sourceDigest) && { sourceDigest }),
    written: writtenName(image.reference, reference, target),
    charts: workloads.map(({ chart }) => chart).filter((chart) => isName('chart name', chart)),
    platforms: isWhole || wanted.length === 0 ? [] : distinctPlatforms([...wanted, ...platformsAtTarget]),
    platformsAtTarget,
    ...(pinned !== undefined && { pinned }),
    ...(digestAtTarget !== undefined && isDigest(digestAtTarget) && { digestAtTarget }),
    isWrongPlatform: status === 'wrong-platform',
    isIncomplete: status === 'incomplete',
  };
}

/** Merges two entries of an image, such as one for each way in which its Pods log in. */
function merged(known: MissingImage | undefined, image: MissingImage): MissingImage {
  if (known === undefined) return image;
  const isWhole = known.platforms.length === 0 || image.platforms.length === 0;
  return {
    ...known,
    ...image,
    charts: [...new Set([...known.charts, ...image.charts])],
    platforms: isWhole ? [] : distinctPlatforms([...known.platforms, ...image.platforms]),
    platformsAtTarget: distinctPlatforms([...known.platformsAtTarget, ...image.platformsAtTarget]),
    isWrongPlatform: known.isWrongPlatform || image.isWrongPlatform,
    isIncomplete: known.isIncomplete || image.isIncomplete,
  };
}

/** Returns platforms without duplicates, in their order. */
export function distinctPlatforms(platforms: readonly Platform[]): Platform[] {
  return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
}

/**
 * Returns how the charts write an image: its path below the target, if that is a spelling of the image. `push` names
 * images by their spelling with some namings.
 */
function writtenName(atTarget: string, reference: string, target: string | undefined): string {
  if (target === undefined || !atTarget.startsWith(`${target}/`)) return reference;
  const written = atTarget.slice(target.length + 1);
  const parsed = tryParseReference(written);
  const isSpelling = parsed !== undefined && formatRepository(parsed) === formatRepository(parseReference(reference));
  return isSpelling ? written : reference;
}
