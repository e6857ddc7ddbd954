import { isMapping, type Mapping } from '../named-value.ts';
import { asList, asMapping, overlayValues, parseValues, scalarString, valueAtKeys } from './values.ts';

/** Parameters of one application, and the generator's changes to the template. */
interface GeneratedApplication {
  readonly parameters: Mapping;
  readonly template: Mapping;
}

/**
 * Returns the applications of an ApplicationSet, as far as its own text determines them. List generators and their
 * products are filled in; parameters from clusters, Git repositories or other servers stay as the template has them.
 */
export function applicationsOf(set: Mapping): Mapping[] {
  const spec = asMapping(set.spec);
  const template = asMapping(spec.template);
  const generated = asList(spec.generators).flatMap((generator) =>
    isMapping(generator) ? generatedBy(generator) : [],
  );
  const applications = generated.length > 0 ? generated : [{ parameters: {}, template: {} }];
  return applications.map((application) =>
    asMapping(fillParameters(overlayValues(template, application.template), application.parameters)),
  );
}

function generatedBy(generator: Mapping): GeneratedApplication[] {
  const elements = elementsOf(asMapping(generator.list));
  if (elements !== undefined) {
    return elements.map((parameters) => ({ parameters, template: asMapping(asMapping(generator.list).template) }));
  }
  const matrix = asMapping(generator.matrix);
  const factors = asList(matrix.generators).filter(isMapping);
  if (factors.length > 0) {
    return factors.map(generatedBy).reduce<GeneratedApplication[]>(
      (left, right) =>
        left.flatMap((a) =>
          right.map((b) => ({
            parameters: overlayValues(a.parameters, b.parameters),
            template: overlayValues(a.template, b.template),
          })),
        ),
      [{ parameters: {}, template: asMapping(matrix.template) }],
    );
  }
  const [other] = Object.values(generator).filter(isMapping);
  return [{ parameters: {}, template: asMapping(other?.template) }];
}

/** Returns the elements of a list generator; undefined for another kind of generator. */
function elementsOf({ elements, elementsYaml }: Mapping): Mapping[] | undefined {
  if (typeof elementsYaml === 'string') {
    const parsed = parseValues(`elements:\n${elementsYaml.replace(/^/gm, ' ')}`);
    return asList(parsed?.elements).filter(isMapping);
  }
  return Array.isArray(elements) ? elements.filter(isMapping) : undefined;
}

/**
 * Fills in `{{name}}`, `{{ values.name }}` and, as a Go template, `{{ .name }}`. Unknown parameters are left as they
 * are.
 */
function fillParameters(value: unknown, parameters: Mapping): unknown {
  if (typeof value === 'string') {
    return value.replace(/\{\{-?\s*\.?([\w-]+(?:\.[\w-]+)*)\s*-?\}\}/g, (placeholder, path: string) => {
      const parameter = parameters[path] ?? valueAtKeys(parameters, path.split('.'));
      return typeof parameter === 'boolean' ? String(parameter) : scalarString(parameter) || placeholder;
    });
  }
  if (Array.isArray(value)) return value.map((item) => fillParameters(item, parameters));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      String(fillParameters(key, parameters)),
      fillParameters(item, parameters),
    ]),
  );
}
