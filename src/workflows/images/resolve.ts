import { type AirgapError, combine } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import { type Finding, isBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import { countImages, type ImageCounts } from '../../inventory/image-counts.ts';
import type { AllowedMissing, MissingFinding } from '../../inventory/missing-images.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { RegistrySource } from '../../oci/content.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { Context } from '../../session/context.ts';
import { ReferrerCollector } from '../../transfer/referrers/collect.ts';
import type { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { Walker, type WalkFailure } from '../../transfer/walk.ts';
import { wrapError } from '../../transfer/wrap-error.ts';
import type { SignaturePolicy } from '../bundle/signature-policy.ts';
import {
  asMissing,
  CandidateLimit,
  type ConfirmFindingsOptions,
  headManifests,
  sourcesText,
  warnUnusedAllowed,
} from './confirm.ts';
import { ImageConfigs } from './image-configs.ts';

/** Options for signatures, attestations and other referrers. */
export interface ReferrerOptions {
  /** Bundles referrers of images, such as signatures and attestations. */
  readonly referrers: boolean;
  /** Handling of attestations in indexes: kept together with their images, or dropped. */
  readonly attestations: 'keep' | 'drop';
  /** Fails the run if referrers cannot be listed or read. */
  readonly requireReferrers: boolean;
  /** Who must have signed the images; undefined: no verification. */
  readonly verifySignatures?: SignaturePolicy | undefined;
}

export interface ResolveOptions extends Pick<ReferrerOptions, 'referrers' | 'attestations'> {
  /** Platforms to keep; empty: all. */
  readonly platforms: readonly Platform[];
  /** Platforms to keep of single images, instead of `platforms`; undefined for the others. */
  readonly platformsOf?: (reference: Reference) => readonly Platform[] | undefined;
  /** Concurrent requests. */
  readonly concurrency: number;
  /** Searches the configs of images for further images. */
  readonly imageConfigs: boolean;
  /** Images whose absence is accepted. */
  readonly allowMissing?: readonly AllowedMissing[];
}

/** Findings after the user's selections. */
export interface SelectedFindings {
  readonly findings: readonly Finding[];
  readonly selections: readonly SelectionRecord[];
  /** Images that are known to be missing, which no registry is asked for. */
  readonly missing?: readonly MissingFinding[];
}

export interface Resolution extends SelectedFindings {
  /** Findings to bundle, each with a root in the graph; without those that are only `possible`. */
  readonly findings: readonly Finding[];
  readonly graph: Graph;
  /** Images that are needed and do not exist in their registries. */
  readonly missing: readonly MissingFinding[];
  /** Candidates with confidence `possible`, which are listed by `images` and bundled only on request. */
  readonly possible: readonly Finding[];
  readonly counts: ImageCounts;
  /** Referrers of indexes that the platform selection replaced. They are not in the graph. */
  readonly leftOut: readonly Referrer[];
}

/** Levels of images in configs of images that are followed. */
const MAX_DEPTH = 3;

/**
 * Reads all manifests to be bundled from the registries, including images that the configs of these images refer to. One below
 * `certain` that does not exist (404) is missing, with a warning. Any other failure is an error, so that no image is left out silently.
 * @param select returns the selected findings, including the references found while resolving
 * @param requests records images whose referrers could not all be read
 * @throws AirgapError for every image that could not be resolved, with the charts that need it
 */
export async function resolveImages(
  { emit, signal }: Context,
  client: RegistrySource,
  select: (configReferences: readonly LocatedReference[]) => SelectedFindings,
  { platforms, platformsOf, attestations, concurrency, imageConfigs, referrers, allowMissing = [] }: ResolveOptions,
  requests?: ReferrerRequests,
): Promise<Resolution> {
  const options = { concurrency, emit, signal };
  const walker = new Walker(client, { ...options, platforms, platformsOf, attestations });
  const configs = new ImageConfigs(client, options);
  const collector = new ReferrerCollector(client, walker, options, requests);
  const limit = new CandidateLimit(emit);
  const requested = new Set<string>();
  const newlyMissing: MissingFinding[] = [];
  const absent = new Set<string>();
  const configReferences: LocatedReference[] = [];
  for (let depth = 0; ; depth++) {
    const { findings: all, selections, missing: known = [] } = select(configReferences);
    const selected = limit.within(all.filter(isBundledByDefault));
    const newFindings = selected.filter(({ reference }) => !requested.has(reference));
    const origin = depth === 0 ? '' : ' from image configs';
    for (const { reference } of newFindings) requested.add(reference);
    const references = newFindings.map(({ reference }) => parseReference(reference));
    const failures = await runStep(
      emit,
      `resolving images${origin}`,
      (advance) => walker.add(references, advance),
      references.length,
    );
    const found = await absentAmong(client, failures, newFindings, options);
    for (const { reference } of found) absent.add(reference);
    newlyMissing.push(...asMissing(found, { emit, allowMissing }));
    const errors = failures.filter(({ reference }) => !absent.has(formatReference(reference)));
    if (errors.length > 0) throw unresolvedError(errors, newFindings);
    const isPresent = ({ reference }: Finding): boolean => !absent.has(reference);
    const present = newFindings.filter(isPresent);
    const graph = walker.graph();
    const [newReferences] = await Promise.all([
      imageConfigs && depth < MAX_DEPTH
        ? runStep(
            emit,
            'reading image configs',
            (advance) => configs.references(graph, present, advance),
            present.length,
          )
        : [],
      referrers ? collector.collect(rootsOf(graph, present)) : undefined,
    ]);
    if (newReferences.length === 0) {
      const completeGraph = await configs.withConfigs(await collector.withBlobs(walker.graph()));
      const leftOut = collector.leftOut();
      const missing = [...known, ...newlyMissing];
      warnUnusedAllowed(emit, allowMissing, missing);
      const isSelected = new Set(selected);
      const possible = all.filter((finding) => !isSelected.has(finding));
      const unchecked = all.filter((finding) => isBundledByDefault(finding) && !isSelected.has(finding));
      const isUnchecked = new Set(unchecked);
      const images = all.filter((finding) => isPresent(finding) && !isUnchecked.has(finding));
      return {
        findings: selected.filter(isPresent),
        selections,
        graph: completeGraph,
        ...{ missing, possible },
        counts: countImages({ images, missing, unchecked, selections }),
        leftOut,
      };
    }
    configReferences.push(...newReferences);
  }
}

function rootsOf({ roots }: Graph, findings: readonly Finding[]): Root[] {
  const names = new Set(findings.map(({ reference }) => reference));
  return roots.filter(({ reference }) => names.has(formatReference(reference)));
}

/**
 * Returns the failed candidates below `certain` that do not exist. Their tags are requested once more, because `image-not-found` is
 * also the error for a missing child or platform of an existing image.
 */
async function absentAmong(
  client: RegistrySource,
  failures: readonly WalkFailure[],
  findings: readonly Finding[],
  { concurrency, signal }: ConfirmFindingsOptions,
): Promise<Finding[]> {
  const findingsByReference = new Map(findings.map((finding) => [finding.reference, finding]));
  const candidates = failures.flatMap(({ reference, error }) => {
    const finding = findingsByReference.get(formatReference(reference));
    const isDoubtful = finding?.confidence !== 'certain' && error.code === 'image-not-found';
    return finding !== undefined && isDoubtful ? [{ reference, finding }] : [];
  });
  const answers = await headManifests(
    client,
    candidates.map(({ reference }) => reference),
    { concurrency, signal },
  );
  return candidates.flatMap(({ finding }, i) => {
    const answer = answers[i];
    return answer !== undefined && 'value' in answer && answer.value === undefined ? [finding] : [];
  });
}

/** Returns the error for images that could not be resolved, with the charts that need them. */
function unresolvedError(failures: readonly WalkFailure[], findings: readonly Finding[]): AirgapError {
  const findingsByReference = new Map(findings.map((finding) => [finding.reference, finding]));
  const errors = failures.flatMap(({ reference, error }) => {
    const name = formatReference(reference);
    const { found = [], confidence = 'certain' } = findingsByReference.get(name) ?? {};
    const parts = error.causes.length === 0 ? [error] : error.causes.map((cause) => wrapError(name, cause));
    return parts.map((part) => {
      // An unreachable registry says nothing about the image.
      const isUnreachable = part.code === 'network' || part.code === 'registry';
      const defaultHint = isUnreachable
        ? undefined
        : 'leave it out with --exclude, or configure another location with --mirror';
      const excludeHint = `if the charts do not pull it, leave it out with --exclude ${name}`;
      const hint =
        part.hint === undefined ? defaultHint : confidence === 'certain' ? part.hint : `${part.hint}; ${excludeHint}`;
      return part.with({ hint, origin: sourcesText(found) });
    });
  });
  return combine(errors, `${failures.length} images could not be resolved`);
}
