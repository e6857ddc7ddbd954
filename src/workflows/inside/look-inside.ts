import { AirgapError, messageOf } from '../../base/errors.ts';
import type { PlaceFound } from '../../discovery/index.ts';
import type { OperatorContainer } from '../../discovery/operators.ts';
import type { Family, Guess } from '../../inside/candidate.ts';
import { type Answer, type ConfirmedCandidate, confirm } from '../../inside/confirm.ts';
import { scanImage } from '../../inside/image.ts';
import { makersOf } from '../../inside/names.ts';
import type { Place } from '../../lock/finding.ts';
import type { Source } from '../../oci/content.ts';
import { lookupOf, parseReference, tryParseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { checkAborted } from '../../transfer/failure.ts';
import type { Context } from '../context.ts';
import { operatorImage } from './operator-image.ts';

/** A chart with its operators. */
export interface OperatorsOfChart {
  readonly operators: readonly OperatorContainer[];
  readonly places: readonly PlaceFound[];
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

export interface LookOptions {
  /** Requests at the same time. */
  readonly concurrency: number;
}

/**
 * Looks into the images of operators for images that they choose, one after another, and asks registries for what was
 * found. An image that cannot be read is warned about: what it names is only ever an addition.
 * @throws AirgapError `interrupted`
 */
export async function lookInside(
  { emit, signal }: Context,
  client: Source & Pick<RegistryClient, 'head'>,
  charts: readonly OperatorsOfChart[],
  { concurrency }: LookOptions,
): Promise<InsideImage[]> {
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
  const ask = asker(client);
  const results: InsideImage[] = [];
  for (const [reference, { containers, makers }] of images) {
    checkAborted(signal);
    emit({ type: 'stage', message: `looking into ${reference}` });
    const parsed = parseReference(reference);
    const steps = { emit, ...(signal === undefined ? {} : { signal }) };
    try {
      const image = await operatorImage(client, parsed, steps);
      if (image === undefined) {
        emit({ type: 'warning', message: `${reference} is not looked into: it has no image for linux/amd64` });
        continue;
      }
      const programs = [...image.programs, ...containers.flatMap(({ words }) => words)];
      const findings = await scanImage(image.layers, { image: parsed, makers, programs, ...steps });
      const { candidates, open, asked } = await confirm(findings, { ask, concurrency });
      const { givenUp, older } = findings;
      results.push({ image: reference, candidates, open, asked, givenUp, older, containers });
    } catch (error) {
      checkAborted(signal);
      const hint = error instanceof AirgapError && error.hint !== undefined ? ` (${error.hint})` : '';
      emit({ type: 'warning', message: `${reference} cannot be looked into: ${messageOf(error)}${hint}` });
    }
  }
  return results;
}

function makersOfText(reference: string): string[] {
  const parsed = tryParseReference(reference);
  return parsed === undefined ? [] : makersOf(parsed);
}

/** Asks with HEAD. A registry that cannot be reached is not tried again for each of its images. */
function asker(client: Pick<RegistryClient, 'head'>): (reference: string) => Promise<Answer> {
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

/**
 * What was found inside, as places: `possible`, so that it is listed and not bundled, or `likely` where it is to be
 * included and surer than low.
 */
export function insidePlaces(images: readonly InsideImage[], isIncluded: boolean): PlaceFound[] {
  return images.flatMap(({ image, candidates, containers }) =>
    candidates.flatMap(({ reference, written, confidence, file, offset, line }) =>
      contextsOf(containers).map(
        (context): PlaceFound => ({
          ...context,
          template: '',
          document: 0,
          kind: 'Image',
          name: image,
          path: file,
          within: line === undefined ? `byte ${offset ?? 0}` : `line ${line}`,
          how: 'inside-image',
          written,
          reference,
          confidence: isIncluded && confidence !== 'low' ? 'likely' : 'possible',
          need: 'optional',
        }),
      ),
    ),
  );
}

/** Whoever brings the operator brings what it names; several containers of one chart do once. */
function contextsOf(containers: readonly OperatorContainer[]): Pick<Place, 'chart' | 'profile' | 'via'>[] {
  const contexts = containers.map(({ place: { chart, profile, via } }) => ({
    ...{ chart, profile },
    ...(via === undefined ? {} : { via }),
  }));
  return [...new Map(contexts.map((context) => [JSON.stringify(context), context])).values()];
}
