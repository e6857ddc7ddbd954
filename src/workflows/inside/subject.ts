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

/** A chart with its operators. */
export interface OperatorsOfChart {
  readonly operators: readonly OperatorContainer[];
  readonly places: readonly PlaceFound[];
}

/** An operator's image, with what the charts say of it. */
export interface OperatorSubject {
  readonly image: string;
  /** The containers that run it. */
  readonly containers: readonly OperatorContainer[];
  /** Makers of what the same charts name beside it. */
  readonly makers: ReadonlySet<string>;
}

/** What an operator's image holds. */
export interface InsideImage {
  /** The operator's image. */
  readonly image: string;
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names whose version neither the image nor a registry says. */
  readonly open: readonly (Guess | Family)[];
  /** What was not looked at, or not to its end, and why. */
  readonly givenUp: readonly string[];
  /** Names in manifests of older releases, which lie beside newer ones. */
  readonly older: number;
  /** References that registries were asked for. */
  readonly asked: number;
  /** The containers that run it. */
  readonly containers: readonly OperatorContainer[];
}

/** Charts with those operators whose images are wanted, by what was found and chosen. */
export function wanted(charts: readonly OperatorsOfChart[], findings: readonly Finding[]): OperatorsOfChart[] {
  const images = new Set(findings.filter(isWanted).map(({ reference }) => reference));
  return charts.map(({ operators, places }) => ({
    places,
    operators: operators.filter(({ place }) => images.has(place.reference)),
  }));
}

/** The images of the operators of charts, each once. */
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

/** Asks registries for what was found in an operator's image. */
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

/** Asks with HEAD. A registry that cannot be reached is not tried again for each of its images. */
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
