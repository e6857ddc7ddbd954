import { isMapping, type Mapping } from '../entry.ts';
import { at, list, mapping, overlay, parseValues, textOf } from './values.ts';

/** Parameters of one application, and the generator's changes to the template. */
interface Generated {
  readonly parameters: Mapping;
  readonly template: Mapping;
}

/**
 * Returns the applications of an ApplicationSet, as far as its own text determines them. List generators and their
 * products are filled in; parameters from clusters, Git repositories or other servers stay as the template has them.
 */
export function applicationsOf(set: Mapping): Mapping[] {
  const spec = mapping(set.spec);
  const template = mapping(spec.template);
  const generated = list(spec.generators).flatMap((generator) => (isMapping(generator) ? generatedBy(generator) : []));
  const all = generated.length > 0 ? generated : [{ parameters: {}, template: {} }];
  return all.map((one) => mapping(fill(overlay(template, one.template), one.parameters)));
}

function generatedBy(generator: Mapping): Generated[] {
  const elements = elementsOf(mapping(generator.list));
  if (elements !== undefined) {
    return elements.map((parameters) => ({ parameters, template: mapping(mapping(generator.list).template) }));
  }
  const matrix = mapping(generator.matrix);
  const factors = list(matrix.generators).filter(isMapping);
  if (factors.length > 0) {
    const product = factors.map(generatedBy).reduce<Generated[]>(
      (left, right) =>
        left.flatMap((a) =>
          right.map((b) => ({
            parameters: overlay(a.parameters, b.parameters),
            template: overlay(a.template, b.template),
          })),
        ),
      [{ parameters: {}, template: mapping(matrix.template) }],
    );
    return product;
  }
  const [other] = Object.values(generator).filter(isMapping);
  return [{ parameters: {}, template: mapping(other?.template) }];
}

/** Returns the elements of a list generator; undefined for another kind of generator. */
function elementsOf({ elements, elementsYaml }: Mapping): Mapping[] | undefined {
  if (typeof elementsYaml === 'string') {
    const parsed = parseValues(`elements:\n${elementsYaml.replace(/^/gm, ' ')}`);
    return list(parsed?.elements).filter(isMapping);
  }
  return Array.isArray(elements) ? elements.filter(isMapping) : undefined;
}

/**
 * Fills in `{{name}}`, `{{ values.name }}` and, as a Go template, `{{ .name }}`. Unknown parameters are left as they
 * are.
 */
function fill(value: unknown, parameters: Mapping): unknown {
  if (typeof value === 'string') {
    return value.replace(/\{\{-?\s*\.?([\w-]+(?:\.[\w-]+)*)\s*-?\}\}/g, (whole, path: string) => {
      const found = parameters[path] ?? at(parameters, path.split('.'));
      return typeof found === 'boolean' ? String(found) : textOf(found) || whole;
    });
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, parameters));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [String(fill(key, parameters)), fill(item, parameters)]),
  );
}
