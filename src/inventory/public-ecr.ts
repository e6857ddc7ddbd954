import type { Digest } from '../oci/digest.ts';

/** Result of `public-ecr`: images, their equivalents in Public ECR, and the places that name them. */
export interface PublicEcrResult {
  readonly charts: readonly PublicEcrChart[];
  /** Values files that were read by their keys, because no chart belongs to them (absolute). */
  readonly files: readonly string[];
  /** Each reference once, sorted. */
  readonly images: readonly PublicEcrImage[];
}

/** A chart that was rendered. */
export interface PublicEcrChart {
  readonly name: string;
  readonly version: string;
  /** As given: folder, archive, or `oci://` reference. */
  readonly source: string;
  /** Absolute path of the folder; absent if the chart is no folder, so that none of its files can be edited. */
  readonly folder?: string;
}

/**
 * What the rules know of an image: it is in Public ECR; its publisher pushes it there as well; the publisher's alias was
 * retired, be it that of the image or of its equivalent; nothing, so that only a private registry is left.
 */
type PublicEcrClass = 'already' | 'equivalent' | 'retired' | 'none';

/**
 * What the registries said of an equivalent; of an image of class `already` only `verified` (it exists), `not-found` and
 * `unconfirmed`. `verified`: the equivalent has the same digest, or manifests with the
 * same digests for every platform. `different-platforms`: the equivalent lacks some. `unconfirmed`: a registry could not be asked.
 */
type PublicEcrStatus = 'verified' | 'different-digest' | 'different-platforms' | 'not-found' | 'unconfirmed';

/** What an image is for: it runs; it only helps (init containers, hooks, Jobs); only `helm test` pulls it. */
export type PublicEcrRole = 'runs' | 'helps' | 'tests';

export interface PublicEcrImage {
  /** Normalized reference, including docker.io, library/ and :latest. */
  readonly reference: string;
  readonly class: PublicEcrClass;
  /** Rule by which the equivalent is known. */
  readonly rule?: PublicEcrRule;
  /** Retirement of the alias, for class `retired`. */
  readonly retired?: RetiredAlias;
  /**
   * Normalized reference in Public ECR, with the tag and digest of `reference`; absent for classes `already` and `none`. For
   * class `retired` what it was, if the image is elsewhere.
   */
  readonly equivalent?: string;
  /** Absent for classes `none` and `retired`: nothing is asked. */
  readonly status?: PublicEcrStatus;
  /** Why the status is `unconfirmed` or `not-found`. */
  readonly why?: string;
  /** Digest at the source, if it was read. */
  readonly digest?: Digest;
  readonly equivalentDigest?: Digest;
  /** Platforms at the source, `os/architecture[/variant]`, if both were read because the digests differ. */
  readonly platforms?: readonly string[];
  readonly equivalentPlatforms?: readonly string[];
  /** Platforms that the source has and the equivalent has not. */
  readonly missingPlatforms?: readonly string[];
  readonly role: PublicEcrRole;
  /** Written with a digest. */
  readonly pinned: boolean;
  /** The source has signatures that the equivalent has not; false if it has them too or there are none; absent if unknown. */
  readonly losesSignatures?: boolean;
  /** Spots that name the image, those that can be edited first. */
  readonly places: readonly ImagePlace[];
  /** What names an image of status `verified` and no value of a file moves. */
  readonly unmapped: readonly UnmappedPlace[];
}

interface PublicEcrRule {
  /** `registry/path`, or `registry/path/*`. */
  readonly from: string;
  /** Path in Public ECR. */
  readonly to: string;
  /** Page on which the publisher says so. */
  readonly source: string;
}

interface RetiredAlias {
  readonly alias: string;
  /** Date since which images are gone, `YYYY-MM-DD`. */
  readonly since: string;
  readonly source: string;
}

/** A spot that names an image: one scalar, or several whose texts are joined. */
export interface ImagePlace {
  /** Name of the chart that was rendered; empty for a values file without a chart. */
  readonly chart: string;
  /** Absolute path of the file. For a file in an archive, the path of the archive, or the address that it came from. */
  readonly file: string;
  /** Path inside the archive `file`; such a place cannot be edited. */
  readonly inArchive?: string;
  /** `values`: parts may have replacements. `template`: the name is written in a template, which is only listed. */
  readonly kind: 'values' | 'template';
  /** Line of the part that names the repository, else of the first, from 1. */
  readonly line: number;
  /** Key path of that part in the file, `image.repository`; empty in a template. */
  readonly path: string;
  /** In the order in which they build the reference. */
  readonly parts: readonly PlacePart[];
}

/** One scalar of a values file, or a literal in a template. */
export interface PlacePart {
  /** `reference`: the scalar has the whole name, perhaps with a tag. */
  readonly role: 'reference' | 'registry' | 'repository' | 'tag' | 'digest';
  /** Path of keys in the file, as parsed: numbers are list positions. Empty in a template. */
  readonly keys: readonly (string | number)[];
  /** The same as text, `images[0].repository`. */
  readonly path: string;
  /** Line of the scalar's value, from 1. */
  readonly line: number;
  /** Value of the scalar as parsed, before the change; of a longer text, such as a script, only the name in it. */
  readonly text: string;
  /**
   * Whole new value of the scalar, with which the render has the equivalent. Equal to `text` if this part stays. Absent if it
   * must not be edited: a template, a file in an archive, an image without a verified equivalent, a longer text, or a
   * value that other images need.
   */
  readonly replacement?: string;
}

/** A location whose reference no value of a file moves. */
export interface UnmappedPlace {
  readonly chart: string;
  /** Template file as Helm prints it; empty for a values file without a chart. */
  readonly template: string;
  /** `Kind/name` of the object. */
  readonly object: string;
  /** Field of the object. */
  readonly field: string;
  readonly reason: string;
}
