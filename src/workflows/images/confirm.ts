import { count, firstOf } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { type Outcome, settle } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import { type Advance, runStep } from '../../base/step.ts';
import { type Finding, isBundledByDefault, type Location, originOf } from '../../inventory/finding.ts';
import {
  type AllowedMissing,
  type MissingFinding,
  missingFinding,
  unusedAllowed,
} from '../../inventory/missing-images.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatRepository, parseReference, type Reference, tagOrDigestOf } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { connect, type RegistryUse } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';

/** A guess that does not exist in its registry, and therefore is not an image. */
interface DroppedCandidate {
  readonly reference: string;
  readonly found: readonly Location[];
  /** Reason from the registry. */
  readonly why: string;
}

export interface Confirmation {
  /** Certain findings unchanged, the others with `confirmed`. */
  readonly images: readonly Finding[];
  /** Images that are needed and do not exist. */
  readonly missing: readonly MissingFinding[];
  readonly dropped: readonly DroppedCandidate[];
}

/**
 * Checks in the registries whether each finding below `certain` exists. Of those that do not exist (404), what a bundle takes is missing,
 * and guesses are no images; those that cannot be checked, or need credentials, are kept. All are reported as warnings.
 * @throws AirgapError `interrupted`
 */
export async function confirmWithRegistries(
  context: Context,
  findings: readonly Finding[],
  { access, concurrency }: RegistryUse,
  allowMissing: readonly AllowedMissing[] = [],
): Promise<Confirmation> {
  const { client } = connect(context, access);
  try {
    return await confirmFindings(client, findings, { ...context, concurrency, allowMissing });
  } finally {
    await client.close();
  }
}

export interface ConfirmFindingsOptions {
  readonly allowMissing?: readonly AllowedMissing[];
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/** {@link confirmWithRegistries} with an existing client. */
export async function confirmFindings(
  client: Pick<RegistryClient, 'head'>,
  findings: readonly Finding[],
  { concurrency, emit, signal, allowMissing = [] }: ConfirmFindingsOptions,
): Promise<Confirmation> {
  const limit = new CandidateLimit(emit);
  const uncertain = limit.within(findings.filter(({ confidence }) => confidence !== 'certain'));
  if (uncertain.length === 0) return { images: findings, missing: [], dropped: [] };
  const references = uncertain.map(({ reference }) => parseReference(reference));
  const title = `checking ${count(uncertain.length, 'uncertain image')} in registries`;
  const answers = await runStep(
    emit,
    title,
    (advance) => headManifests(client, references, { concurrency, signal, advance }),
    uncertain.length,
  );
  const confirmed = new Map<string, boolean>();
  const absent: Finding[] = [];
  const unconfirmed: { readonly reference: string; readonly error: AirgapError }[] = [];
  for (const [i, finding] of uncertain.entries()) {
    const { reference } = finding;
    const answer = answers[i] as Outcome<Descriptor | undefined>;
    if ('error' in answer) unconfirmed.push({ reference, error: wrapError(reference, answer.error) });
    else if (answer.value === undefined) absent.push(finding);
    confirmed.set(reference, !('error' in answer));
  }
  const missing = asMissing(absent.filter(isBundledByDefault), { emit, allowMissing });
  const dropped = absent
    .filter((finding) => !isBundledByDefault(finding))
    .map(({ reference, found }) => ({ reference, found, why: NOT_FOUND }));
  warnAbsent(emit, dropped, ['left out', 'left out %n candidates']);
  warnUnusedAllowed(emit, allowMissing, missing);
  for (const [registry, group] of Map.groupBy(unconfirmed, ({ reference }) => parseReference(reference).registry)) {
    const names = group.map(({ reference }) => reference).join(', ');
    const reason = group[0]?.error.message;
    emit({
      type: 'warning',
      message: `cannot be checked in ${registry}, so kept as unconfirmed: ${names} (${reason})`,
    });
  }
  const absentReferences = new Set(absent.map(({ reference }) => reference));
  const images = findings
    .filter(({ reference }) => !absentReferences.has(reference))
    .map((finding) => {
      const isConfirmed = confirmed.get(finding.reference);
      return isConfirmed === undefined ? finding : { ...finding, confirmed: isConfirmed };
    });
  return { images, missing, dropped };
}

/** Answer of a registry that does not have an image. */
const NOT_FOUND = 'not found in the registry (404)';

/**
 * Returns what is needed and does not exist as missing, and warns of it. A certain image is an error of the caller instead.
 * @param why is in the inventory, so it names no mirror
 */
export function asMissing(
  absent: readonly Finding[],
  { emit, allowMissing = [] }: Pick<ConfirmFindingsOptions, 'emit' | 'allowMissing'>,
  why = NOT_FOUND,
): MissingFinding[] {
  const missing = absent.map((finding) => missingFinding(finding, why, allowMissing));
  warnAbsent(emit, missing, ['missing', 'missing: %n images']);
  return missing;
}

/** Warns of patterns of `--allow-missing` that accept nothing: the image may exist by now, or the pattern is mistyped. */
export function warnUnusedAllowed(
  emit: Emit,
  allowMissing: readonly AllowedMissing[],
  missing: readonly MissingFinding[],
): void {
  for (const pattern of unusedAllowed(allowMissing, missing))
    emit({ type: 'warning', message: `--allow-missing ${pattern} matches no image that is missing` });
}

/** Candidates that a warning names; the document of the run has all. */
const MAX_LISTED = 20;

/** Warns about what does not exist and its locations, once for each cause. @param words for one, and for several */
function warnAbsent(emit: Emit, absent: readonly DroppedCandidate[], [one, several]: readonly [string, string]): void {
  for (const [why, group] of Map.groupBy(absent, (candidate) => candidate.why)) {
    const names = group.map(({ reference, found }) => printableLine(`${reference}, ${sourcesText(found)}`));
    const [only, ...others] = names;
    if (others.length === 0) emit({ type: 'warning', message: `${one} ${only}: ${why}` });
    else {
      const more = names.length > MAX_LISTED ? [`and ${names.length - MAX_LISTED} more`] : [];
      const lines = [...names.slice(0, MAX_LISTED), ...more].map((line) => `\n  ${line}`);
      emit({ type: 'warning', message: `${several.replace('%n', String(names.length))}: ${why}:${lines.join('')}` });
    }
  }
}

interface HeadOptions extends Omit<ConfirmFindingsOptions, 'emit'> {
  readonly advance?: Advance;
}

/** Describes the sources of a reference for a message: at most three locations. */
export function sourcesText(locations: readonly Location[]): string {
  const named = locations.map(({ chart, template, path, kind, name, how, pod }) => {
    if (pod !== undefined) return `Pod ${pod.namespace}/${name} (${pod.container})`;
    if (how === 'added') return chart === '' ? 'the command line' : originOf(chart);
    if (how === 'inside-image') return `the files of ${name} (${path})`;
    return how === 'image-config'
      ? `the config of ${name} (${path})`
      : `${originOf(chart)} (${template || `${kind}/${name}`}, ${path})`;
  });
  return `wanted by ${firstOf(named, 3)}`;
}

/**
 * Sends HEAD requests for manifests, one for each distinct manifest. Further images of an unreachable registry are not
 * tried. Advances once for each reference.
 * @returns the descriptor of each reference, undefined if the registry does not have it, or the error
 * @throws AirgapError `interrupted`
 */
export async function headManifests(
  client: Pick<RegistryClient, 'head'>,
  references: readonly Reference[],
  { concurrency, signal, advance }: HeadOptions,
): Promise<Outcome<Descriptor | undefined>[]> {
  const keyOf = (reference: Reference): string => `${formatRepository(reference)} ${tagOrDigestOf(reference)}`;
  const groups = [...Map.groupBy(references, keyOf).values()];
  const unreachable = new Map<string, AirgapError>();
  const outcomes = await settle(groups, concurrency, async (group) => {
    const reference = group[0] as Reference;
    throwIfAborted(signal);
    const networkError = unreachable.get(reference.registry);
    if (networkError !== undefined) throw networkError;
    try {
      return await client.head(reference, tagOrDigestOf(reference));
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'network') unreachable.set(reference.registry, error);
      throw error;
    } finally {
      for (const _ of group) advance?.();
    }
  });
  throwIfAborted(signal);
  const byKey = new Map(
    groups.map(([first], i) => [keyOf(first as Reference), outcomes[i] as Outcome<Descriptor | undefined>]),
  );
  return references.map((reference) => byKey.get(keyOf(reference)) as Outcome<Descriptor | undefined>);
}

/** Maximum number of registry requests caused by one object of a chart. Real objects name up to about 40 images. */
const OBJECT_LIMIT = 500;
/** Maximum number of registry requests caused by one image config. */
const IMAGE_LIMIT = 100;
/** Maximum number of references in a warning. */
const MAX_NAMED = 5;

/**
 * Limits the registry requests that one object of a chart, or one image config, can cause by naming images. Findings
 * below `certain` beyond the limit are skipped with a warning.
 */
export class CandidateLimit {
  readonly #emit: Emit;
  readonly #skipped = new Set<string>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Returns the findings within the limits, in the same order. */
  within(findings: readonly Finding[]): Finding[] {
    const counts = new Map<string, number>();
    const excess: { readonly source: string; readonly finding: Finding }[] = [];
    const kept = findings.filter((finding) => {
      if (finding.confidence === 'certain') return true;
      const sources = new Map(finding.found.map((location) => [sourceOf(location), limitOf(location)]));
      const available = [...sources].find(([source, limit]) => (counts.get(source) ?? 0) < limit)?.[0];
      if (available !== undefined) counts.set(available, (counts.get(available) ?? 0) + 1);
      else excess.push({ source: [...sources.keys()][0] ?? '', finding });
      return available !== undefined;
    });
    for (const [source, skipped] of Map.groupBy(excess, (entry) => entry.source)) {
      this.#warn(
        source,
        skipped.map(({ finding }) => finding),
        counts.get(source) ?? 0,
      );
    }
    return kept;
  }

  #warn(source: string, skipped: readonly Finding[], kept: number): void {
    const newlySkipped = skipped.filter(({ reference }) => !this.#skipped.has(reference));
    if (newlySkipped.length === 0) return;
    for (const { reference } of newlySkipped) this.#skipped.add(reference);
    const references = newlySkipped.map(({ reference }) => reference);
    const message = `${source} names more than ${kept} uncertain images; not checked in registries: ${firstOf(references, MAX_NAMED)}`;
    this.#emit({ type: 'warning', message });
  }
}

function limitOf({ how }: Location): number {
  return how === 'image-config' ? IMAGE_LIMIT : OBJECT_LIMIT;
}

function sourceOf({ how, chart, template, kind, name, document }: Location): string {
  if (how === 'image-config') return `the config of ${printableLine(name)}`;
  return printableLine(`${kind}/${name} of chart ${chart} (document ${document + 1} of ${template})`);
}
