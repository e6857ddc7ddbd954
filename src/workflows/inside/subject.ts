import { AirgapError } from '../../base/errors.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { OperatorContainer } from '../../discovery/operators.ts';
import type { Family, Guess } from '../../inside/candidate.ts';
import { type Answer, type ConfirmedCandidate, confirm } from '../../inside/confirm.ts';
import type { ImageFindings } from '../../inside/image.ts';
import { makersOf } from '../../inside/names.ts';
import { type Finding, isWanted } from '../../lock/finding.ts';
import { lookupOf, parseReference, tryParseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';

/** Chart with its operators. */
export interface OperatorsOfChart {
  readonly operators: readonly OperatorContainer[];
  readonly places: readonly PlaceFound[];
}

/** Operator image, with its data from charts. */
export interface OperatorSubject {
  readonly image: string;
  /** Containers that run the image. */
  readonly containers: readonly OperatorContainer[];
  /** Publishers of the images of the same charts. */
  readonly makers: ReadonlySet<string>;
}

/** Result of scanning an operator image. */
export interface InsideImage {
  /** Operator image. */
  readonly image: string;
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names without a confirmed version. */
  readonly open: readonly (Guess | Family)[];
  /** Parts that were not (fully) scanned, with the reason. */
  readonly givenUp: readonly string[];
  /** Number of names in manifests of older releases next to newer ones. */
  readonly older: number;
  /** Number of references checked in registries. */
  readonly asked: number;
  /** Containers that run the image. */
  readonly containers: readonly OperatorContainer[];
}

/** Keeps the operators whose images are selected for the bundle. */
export function wanted(charts: readonly OperatorsOfChart[], findings: readonly Finding[]): OperatorsOfChart[] {
  const images = new Set(findings.filter(isWanted).map(({ reference }) => reference));
  return charts.map(({ operators, places }) => ({
    places,
    operators: operators.filter(({ place }) => images.has(place.reference)),
  }));
}

/** Returns the distinct operator images of charts. */
export function subjectsOf(charts: readonly OperatorsOfChart[]): OperatorSubject[] {
  const images = new Map<string, { readonly containers: OperatorContainer[]; readonly makers: Set<string> }>();
  for (const { operators, places } of charts) {
    for (const operator of operators) {
      const { reference } = operator.place;
      const known = images.get(reference) ?? { containers: [], makers: new Set<string>() };
      known.containers.push(operator);
      for (const place of places) for (const maker of makersOfText(place.reference)) known.makers.add(maker);
      images.set(reference, known);
    }
  }
  return [...images].map(([image, more]) => ({ image, ...more }));
}

function makersOfText(reference: string): string[] {
  const parsed = tryParseReference(reference);
  return parsed === undefined ? [] : makersOf(parsed);
}

/** Confirms the scan findings of an operator image in registries. */
export async function asked(
  { image, containers }: OperatorSubject,
  findings: ImageFindings,
  ask: (reference: string) => Promise<Answer>,
  concurrency: number,
): Promise<InsideImage> {
  const { candidates, open, asked: count } = await confirm(findings, { ask, concurrency });
  const { givenUp, older } = findings;
  return { image, candidates, open, asked: count, givenUp, older, containers };
}

/** Returns a function that checks references with HEAD requests. Does not retry a registry that was unreachable. */
export function asker(client: Pick<RegistryClient, 'head'>): (reference: string) => Promise<Answer> {
  const unreachable = new Set<string>();
  return async (reference) => {
    const parsed = parseReference(reference);
    if (unreachable.has(parsed.registry)) return 'unknown';
    try {
      return (await client.head(parsed, lookupOf(parsed))) === undefined ? 'missing' : 'there';
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'network') unreachable.add(parsed.registry);
      return 'unknown';
    }
  };
}
