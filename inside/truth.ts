import { applyRules, builtInRules } from '../src/discovery/rules/index.ts';
import { formatReference, parseReference } from '../src/oci/reference.ts';

/**
 * What an operator chooses at run time: as inside/operators.json says it, with the file of the operator's source in which
 * each was read; else as the rules do.
 * @returns normalised references
 */
export function truthOf({ image, chooses }: { image: string; chooses?: Readonly<Record<string, string>> }): string[] {
  return chooses === undefined ? trueImages(image) : Object.keys(chooses).sort();
}

/**
 * What an operator chooses at run time, as the rules of src/discovery/rules say it: each was read by hand in the
 * operator's source, at that version. The looking inside knows nothing of them.
 * @param image the operator's image with its version as the tag
 * @returns normalised references; none for an operator whose chart names everything
 */
function trueImages(image: string): string[] {
  const template = 'chart/templates/operator.yaml';
  const container = { name: 'operator', image };
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'operator' },
    spec: { template: { spec: { containers: [container] } } },
  };
  const context = { chart: 'chart', profile: 'default' };
  const place = {
    ...context,
    template,
    document: 0,
    kind: 'Deployment',
    name: 'operator',
    path: 'spec.template.spec.containers[0].image',
    how: 'pod-spec',
    written: image,
    reference: formatReference(parseReference(image)),
    confidence: 'certain',
    need: 'install',
  } as const;
  const documents = [{ template, index: 0, text: JSON.stringify(object), object }];
  const found = applyRules(builtInRules, {
    metadata: { name: 'chart', version: '1.0.0' },
    documents,
    places: [place],
    context,
  });
  return [
    ...new Set(found.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference)),
  ].sort();
}
