import type { FieldPath } from '../base/field-path.ts';
import type { Subchart } from '../helm/subcharts.ts';

/**
 * Findings of discovery, as stored in the inventory and printed by `images -o json` (apiVersion airgap/v1).
 */

export const CONFIDENCES = ['certain', 'likely', 'possible'] as const;

/**
 * Confidence that an install pulls the image, in descending order. `possible` images are listed, but bundled and counted only on request or
 * if they are an operator's default (`Location.userMade`).
 */
export type Confidence = (typeof CONFIDENCES)[number];

export const NEEDS = ['install', 'operand', 'lifecycle', 'optional', 'test'] as const;

/**
 * Need for an image, the most immediate first, by what pulls it: an install; an operator, once its resource exists; upgrade, delete or rollback
 * hooks; a disabled component; `helm test`.
 */
export type Need = (typeof NEEDS)[number];

export const EVIDENCE_KINDS = [
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
] as const;

/** Kind of evidence for a reference. */
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** A location of a reference in a render. */
export interface Location {
  /** Name of the chart that was rendered, or of manifests (manifests/source.ts), which contains a space. */
  readonly chart: string;
  readonly profile: string;
  /**
   * Template file as Helm prints it, `chart/charts/sub/templates/x.yaml`. Empty if the reference is not in a template.
   */
  readonly template: string;
  /** Subcharts that contain the template, outermost first; absent for a template of the chart itself. */
  readonly subcharts?: readonly Subchart[];
  /** Index of the document in the template, from 0. Unlike the object's name, it does not depend on values. */
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  /**
   * Field of the object, `spec.template.spec.containers[0].image`; keys with dots or slashes are in brackets:
   * `data["a.yaml"]`.
   */
  readonly path: string;
  /** Position inside the field's text, if that is structured itself: `base64`, `yaml:sidecar.image`, `line 3`. */
  readonly within?: string;
  readonly how: EvidenceKind;
  /** Text in the manifest. For a split name, the joined parts. */
  readonly written: string;
  /** Fields of a split name (`repository`, `tag`, …). */
  readonly parts?: readonly SplitPart[];
  /** `helm.sh/hook` of the object. */
  readonly hook?: string;
  /** Values paths that the reference is built from, if known. */
  readonly values?: readonly string[];
  /** Charts that contain this chart, outermost first. */
  readonly via?: readonly string[];
  /** Running Pod that has it, instead of a render. `chart`, `profile` and `template` are empty then. */
  readonly pod?: PodLocation;
  /** Tag of an exported image stream that has it, instead of a render. `chart`, `profile` and `template` are empty then. */
  readonly imageStream?: ImageStreamLocation;
  /** Setting that redirects an image chosen by an operator, from operator rules. */
  readonly redirect?: Redirect;
  /**
   * The image is an operator's default for resources that users create later. It is bundled and redirected whatever the
   * confidence, which refers to the install.
   */
  readonly userMade?: true;
}

/** Where a running Pod has an image; `Location.name` is the name of the Pod. */
interface PodLocation {
  readonly namespace: string;
  /** Name of the container, or of the image volume. */
  readonly container: string;
  /** What the node runs, `registry/path@digest`; absent if its runtime reports only an image ID, or nothing yet. */
  readonly running?: string;
}

/** Tag of an image stream of OpenShift; `Location.name` is the name of the image stream. */
interface ImageStreamLocation {
  readonly namespace: string;
  readonly tag: string;
  /** Class of the tag (docs/image-streams.md), and the evidence for it in words. */
  readonly class: string;
  readonly why: string;
  /** File of the export, with document and item. */
  readonly file: string;
}

export const REDIRECT_KINDS = ['values', 'env', 'argument', 'resource-field', 'none'] as const;

/**
 * A setting that redirects an image to another registry if no field of the render contains its reference. `value` and
 * the strings in `values` may contain placeholders for the new reference: `{reference}`, `{repository}` (with
 * registry), `{registry}`, `{path}` (without registry), `{folder}` (repository without its last component),
 * `{subfolder}` (path without its last component), `{name}` (last component) and `{tag}`.
 */
export interface Redirect {
  readonly kind: (typeof REDIRECT_KINDS)[number];
  /** Name of the operator's environment variable or argument; `Kind path.of.field` of the resource. */
  readonly name?: string;
  /** Value to set; default `{reference}`. */
  readonly value?: string;
  /** Values of the rendered chart to set, as a tree. */
  readonly values?: Readonly<Record<string, unknown>>;
}

export const SPLIT_ROLES = ['registry', 'repository', 'image', 'tag', 'digest'] as const;

/** One field of a split name. */
export interface SplitPart {
  readonly role: (typeof SPLIT_ROLES)[number];
  /** Field of the object or, inside a text, of that text. */
  readonly path: string;
  /** Place in the object, if it is not in the same text as the name: a registry in another variable or file. */
  readonly at?: FieldPath;
  readonly text: string;
}

/** An image reference and the location where it was found. */
export interface LocatedReference extends Location {
  /** Fully normalized: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
}

/** A reference with all its locations. */
export interface Finding {
  /** Normalized reference, including docker.io, library/ and :latest. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
  readonly found: readonly Location[];
  /**
   * True if its registry has it; false if the registry did not answer. Only set for findings below `certain`, and only
   * if registries were contacted.
   */
  readonly confirmed?: boolean;
}

/** Names the chart or the manifests of a location, for messages. */
export function originOf(chart: string): string {
  return chart.includes(' ') ? chart : `chart ${chart}`;
}

/** Reports whether a location is bundled and redirected by default. */
export function isLocationBundledByDefault({
  confidence,
  userMade,
}: Pick<Location, 'userMade'> & Pick<Finding, 'confidence'>): boolean {
  return confidence !== 'possible' || userMade === true;
}

/** Reports whether any location of a reference is bundled and redirected by default. */
export function isBundledByDefault({ confidence, found }: Pick<Finding, 'confidence' | 'found'>): boolean {
  return confidence !== 'possible' || found.some(({ userMade }) => userMade);
}
