import type { Subchart } from '../helm/subcharts.ts';

/**
 * What discovery reports, what the lock keeps and what `images -o json` prints (apiVersion airgap/v1).
 */

/**
 * How sure we are that an install pulls it. `possible` is listed, and neither bundled nor counted unless asked for, or an
 * operator's default (`Place.userMade`).
 */
export type Confidence = 'certain' | 'likely' | 'possible';

/** What pulls it: an install; an operator once its resource exists; upgrade, delete or rollback hooks; a component that is off; `helm test`. */
export type Need = 'install' | 'operand' | 'lifecycle' | 'optional' | 'test';

/** The kind of evidence. */
export type How =
  | 'pod-spec'
  | 'env'
  | 'argument'
  | 'config'
  | 'custom-resource'
  | 'annotation'
  | 'influence'
  | 'declared'
  | 'nested-chart'
  | 'operator-rule'
  | 'image-config'
  | 'inside-image'
  | 'added';

/** One place where a reference stands. */
export interface Place {
  /** Name of the chart that was rendered. */
  readonly chart: string;
  readonly profile: string;
  /** Template file inside the chart as Helm prints it, `chart/charts/sub/templates/x.yaml`. Empty when no template carries it. */
  readonly template: string;
  /** The subcharts in which that file lies, outermost first; absent for a template of the chart itself. */
  readonly subcharts?: readonly Subchart[];
  /** Which of the template's documents, counted from 0. Names may depend on values; positions do not. */
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  /** Field of the object, `spec.template.spec.containers[0].image`; keys with dots or slashes in brackets: `data["a.yaml"]`. */
  readonly path: string;
  /** Where inside that field's text, when the text is itself structured: `base64`, `yaml:sidecar.image`, `line 3`. */
  readonly within?: string;
  readonly how: How;
  /** As the manifest has it. For a split the parts put together. */
  readonly written: string;
  /** The fields of a split (`repository`, `tag`, …), when it is one. */
  readonly parts?: readonly SplitPart[];
  /** `helm.sh/hook` of the object. */
  readonly hook?: string;
  /** Values paths that build it, when they are known. */
  readonly values?: readonly string[];
  /** For a chart within a chart: the charts that bring it along, outermost first. */
  readonly via?: readonly string[];
  /** What moves an image that an operator chooses to another registry; operator rules say it. */
  readonly redirect?: Redirect;
  /**
   * An operator's default for resources that users are going to make: no resource of the render asks for it. It is
   * bundled and moved whatever the confidence, which is that of an install.
   */
  readonly userMade?: true;
}

/**
 * What moves an image to another registry when no field of the render holds it. In `value` and in the texts of `values`
 * stand for the new reference: `{reference}` all of it, `{repository}` with its registry, `{registry}`, `{path}` below
 * the registry, `{folder}` the repository without its last component, `{subfolder}` the same of the path, `{name}` that
 * component, `{tag}`.
 */
export interface Redirect {
  readonly kind: 'values' | 'env' | 'argument' | 'resource-field' | 'none';
  /** Name of the operator's environment variable or argument; `Kind path.of.field` of the resource. */
  readonly name?: string;
  /** What to set there; `{reference}` when absent. */
  readonly value?: string;
  /** Values of the rendered chart that do it, as a tree. */
  readonly values?: Readonly<Record<string, unknown>>;
}

export interface SplitPart {
  readonly role: 'registry' | 'repository' | 'image' | 'tag' | 'digest';
  readonly path: string;
  readonly text: string;
}

/** A reference with every place where it was found. */
export interface Finding {
  /** Fully normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  readonly need: Need;
  readonly found: readonly Place[];
  /**
   * Whether its registry says that it is there; false when that gave no answer. Only of findings below `certain`, and only
   * when registries were asked.
   */
  readonly confirmed?: boolean;
}

/** Whether a place is bundled and moved without being asked for. */
export function isWantedPlace({
  confidence,
  userMade,
}: Pick<Place, 'userMade'> & Pick<Finding, 'confidence'>): boolean {
  return confidence !== 'possible' || userMade === true;
}

/** The same of all places of a reference. */
export function isWanted({ confidence, found }: Pick<Finding, 'confidence' | 'found'>): boolean {
  return confidence !== 'possible' || found.some(({ userMade }) => userMade);
}
