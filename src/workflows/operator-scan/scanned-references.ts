import type { LocatedReference } from '../../discovery/index.ts';
import type { OperatorContainer } from '../../discovery/rules/index.ts';
import type { Location } from '../../inventory/finding.ts';
import type { OperatorScanResult } from './operators.ts';

/**
 * Converts scan findings to located references: `likely` if they are to be included and their confidence is not low,
 * else `possible`, which means listed but not bundled.
 */
export function scannedReferences(images: readonly OperatorScanResult[], isIncluded: boolean): LocatedReference[] {
  return images.flatMap(({ image, candidates, containers }) =>
    candidates.flatMap(({ reference, written, confidence, evidence, file, offset, line }) =>
      contextsOf(containers).map(
        (context): LocatedReference => ({
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

/** Returns the distinct charts, profiles and parents of the containers. */
function contextsOf(containers: readonly OperatorContainer[]): Pick<Location, 'chart' | 'profile' | 'via'>[] {
  const contexts = containers.map(({ reference: { chart, profile, via } }) => ({
    ...{ chart, profile },
    ...(via === undefined ? {} : { via }),
  }));
  return [...new Map(contexts.map((context) => [JSON.stringify(context), context])).values()];
}
