import { applyRules, builtInRules } from '../../src/discovery/rules/index.ts';
import { formatReference, parseReference } from '../../src/oci/reference.ts';

/** An operator of operators.json. */
export interface Operator {
  readonly name: string;
  readonly version: string;
  /** Its own image. */
  readonly image: string;
  /** Path of the program in the image. */
  readonly program: string;
  /** Images that it chooses, with the source file that names each; read by hand where no rule has them. */
  readonly chooses?: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns the images that an operator chooses at run time: those of operators.json, which names the source file of
 * each, otherwise those of the rules.
 * @returns normalised references
 */
export function truthOf({ image, chooses }: Pick<Operator, 'image' | 'chooses'>): string[] {
  return chooses === undefined ? trueImages(image) : Object.keys(chooses).sort();
}

/**
 * Returns the images that an operator chooses at run time according to src/discovery/rules, which were read by hand in the
 * operator's source at that version. The operator image scan does not use the rules.
 * @param image the operator's image with its version as the tag
 * @returns normalised references; none for an operator whose chart names all images
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
    references: [place],
    context,
  });
  return [
    ...new Set(found.filter(({ confidence }) => confidence !== 'possible').map(({ reference }) => reference)),
  ].sort();
}
