import type { PlaceFound } from '../../discovery/index.ts';
import type { OperatorContainer } from '../../discovery/operators.ts';
import type { Place } from '../../lock/finding.ts';
import type { InsideImage } from './subject.ts';

/**
 * What was found inside, as places: `possible`, so that it is listed and not bundled, or `likely` where it is to be
 * included and surer than low.
 */
export function insidePlaces(images: readonly InsideImage[], isIncluded: boolean): PlaceFound[] {
  return images.flatMap(({ image, candidates, containers }) =>
    candidates.flatMap(({ reference, written, confidence, evidence, file, offset, line }) =>
      contextsOf(containers).map(
        (context): PlaceFound => ({
          ...context,
          template: '',
          document: 0,
          kind: 'Image',
          name: image,
          path: file,
          within: `${line === undefined ? `byte ${offset ?? 0}` : `line ${line}`}: ${confidence}, ${evidence}`,
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
