import { AirgapError, combine } from '../../base/errors.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { Choice } from '../../lock/choice.ts';
import { type Finding, isWanted } from '../../lock/finding.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { failureOf } from '../../transfer/failure.ts';
import type { AskedSource } from '../../transfer/pinned.ts';
import type { ReferrerQuestions } from '../../transfer/referrer-questions.ts';
import { Referrers } from '../../transfer/referrers.ts';
import { Walker, type WalkFailure } from '../../transfer/walk.ts';
import { CandidateLimit } from '../candidates.ts';
import { type AskOptions, type Dropped, heads, wantedBy, warnDropped } from '../confirm.ts';
import type { Context } from '../context.ts';
import { ImageConfigs } from './image-configs.ts';

export interface ResolveOptions {
  /** Wanted platforms; empty: all. */
  readonly platforms: readonly Platform[];
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Whether the configs of images are searched for further images. */
  readonly imageConfigs: boolean;
  /** Whether signatures, attestations and whatever else belongs to images is carried, too. */
  readonly referrers: boolean;
  /** Whether attestations in indexes stay with the images that they are of. */
  readonly attestations: 'keep' | 'drop';
}

/** Findings as they were chosen. */
export interface Chosen {
  readonly findings: readonly Finding[];
  readonly choices: readonly Choice[];
}

export interface Resolution extends Chosen {
  /** What is to be bundled, each finding with a root in the graph; without those that are only possible. */
  readonly findings: readonly Finding[];
  readonly graph: Graph;
  /** Candidates that their registries do not have. */
  readonly dropped: readonly Dropped[];
  /** Candidates that are only possible: `images` lists them, and nobody asked for them to be bundled. */
  readonly possible: readonly string[];
  /** What belongs to indexes that a choice of platforms made others of, and is not in the graph. */
  readonly leftOut: readonly Referrer[];
}

/** How far images of images' configs are followed. */
const DEPTH = 3;

/**
 * Asks the registries for all manifests of what is to be bundled, and of what the configs of these images name in turn.
 * A candidate below `certain` that is definitely not there (404) was none, and is dropped with a warning. Everything else
 * that does not answer is an error: an image that may be missing is not passed over.
 * @param choose all findings as they are chosen, with the places that were found on the way
 * @param questions has on record what registries did not say of signatures and the like
 * @throws AirgapError for every image that could not be had, with the places that want it
 */
export async function resolveImages(
  { emit, signal }: Context,
  client: AskedSource,
  choose: (more: readonly PlaceFound[]) => Chosen,
  { platforms, attestations, concurrency, imageConfigs, referrers }: ResolveOptions,
  questions?: ReferrerQuestions,
): Promise<Resolution> {
  const steps = { concurrency, emit, ...(signal === undefined ? {} : { signal }) };
  const walker = new Walker(client, { ...steps, platforms, attestations });
  const configs = new ImageConfigs(client, steps);
  const belonging = new Referrers(client, walker, steps, questions);
  const limit = new CandidateLimit(emit);
  const asked = new Set<string>();
  const gone = new Map<string, Dropped>();
  const more: PlaceFound[] = [];
  for (let depth = 0; ; depth++) {
    const { findings: all, choices } = choose(more);
    const wanted = limit.within(all.filter(isWanted));
    const fresh = wanted.filter(({ reference }) => !asked.has(reference));
    const whence = depth === 0 ? '' : ' that image configs name';
    if (fresh.length > 0) emit({ type: 'stage', message: `resolving ${fresh.length} images${whence}` });
    for (const { reference } of fresh) asked.add(reference);
    const failures = await walker.add(fresh.map(({ reference }) => parseReference(reference)));
    const dropped = await missingAmong(client, failures, fresh, steps);
    for (const one of dropped) gone.set(one.reference, one);
    warnDropped(emit, dropped);
    const errors = failures.filter(({ reference }) => !gone.has(formatReference(reference)));
    if (errors.length > 0) throw unresolved(errors, fresh);
    const isThere = ({ reference }: Finding): boolean => !gone.has(reference);
    const there = fresh.filter(isThere);
    const graph = walker.graph();
    const [named] = await Promise.all([
      imageConfigs && depth < DEPTH ? configs.places(graph, there) : [],
      referrers ? belonging.collect(rootsOf(graph, there)) : undefined,
    ]);
    if (named.length === 0) {
      const complete = await configs.within(walker.graph());
      const [dropped, leftOut] = [[...gone.values()], belonging.leftOut()];
      const possible = all.filter((one) => !wanted.includes(one)).map(({ reference }) => reference);
      return { findings: wanted.filter(isThere), choices, graph: complete, dropped, possible, leftOut };
    }
    more.push(...named);
  }
}

function rootsOf({ roots }: Graph, findings: readonly Finding[]): Root[] {
  const names = new Set(findings.map(({ reference }) => reference));
  return roots.filter(({ reference }) => names.has(formatReference(reference)));
}

/**
 * The candidates among the failed that are no images. The tag itself is asked for once more: a manifest that an index
 * names and a platform that it does not have are not found either, and their image is there.
 */
async function missingAmong(
  client: AskedSource,
  failures: readonly WalkFailure[],
  findings: readonly Finding[],
  { concurrency, signal }: AskOptions,
): Promise<Dropped[]> {
  const known = new Map(findings.map((finding) => [finding.reference, finding]));
  const candidates = failures.flatMap(({ reference, error }) => {
    const finding = known.get(formatReference(reference));
    const isDoubtful = finding?.confidence !== 'certain' && error.code === 'image-not-found';
    return finding !== undefined && isDoubtful ? [{ reference, finding, why: error.message }] : [];
  });
  const answers = await heads(
    client,
    candidates.map(({ reference }) => reference),
    concurrency,
    signal,
  );
  return candidates.flatMap(({ finding: { reference, found }, why }, i) => {
    const answer = answers[i];
    return answer !== undefined && 'value' in answer && answer.value === undefined ? [{ reference, found, why }] : [];
  });
}

/** Which chart wants what could not be had, and where. */
function unresolved(failures: readonly WalkFailure[], findings: readonly Finding[]): AirgapError {
  const known = new Map(findings.map((finding) => [finding.reference, finding]));
  const errors = failures.flatMap(({ reference, error }) => {
    const name = formatReference(reference);
    const { found = [], confidence = 'certain' } = known.get(name) ?? {};
    const parts = error.causes.length === 0 ? [error] : error.causes.map((cause) => failureOf(name, cause));
    return parts.map((part) => {
      // Who cannot be reached says nothing of the image.
      const isUnreached = part.code === 'network' || part.code === 'registry';
      const otherwise = isUnreached
        ? undefined
        : 'leave it out with --exclude, or name another place for it with --mirror';
      const doubt = `if it is no image that the charts pull, leave it out with --exclude ${name}`;
      const hint =
        part.hint === undefined ? otherwise : confidence === 'certain' ? part.hint : `${part.hint}; ${doubt}`;
      return new AirgapError(part.code, `${part.message}, ${wantedBy(found)}`, { ...(hint && { hint }), cause: part });
    });
  });
  return combine(errors, `${failures.length} images could not be resolved`);
}
