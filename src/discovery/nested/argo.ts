import { valueAt } from '../../base/field-path.ts';
import { asMapping, isMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { type NestedChart, parseChartAddress, parseOciChartAddress } from './chart.ts';
import { asList, declarationAt, parseValues, type Resource, scalarString } from './resource.ts';

/**
 * Returns the charts of Argo CD `Application` and `ApplicationSet` objects (argoproj.io/v1alpha1): their Helm sources.
 */
export function argoCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.group !== 'argoproj.io') return [];
    if (resource.kind === 'Application') return chartsOf(resource, resource.object, 'spec');
    if (resource.kind !== 'ApplicationSet') return [];
    return applicationsOf(resource.object).flatMap((application) =>
      chartsOf(resource, application, 'spec.template.spec'),
    );
  });
}

function chartsOf(resource: Resource, application: Mapping, path: string): NestedChart[] {
  const spec = asMapping(application.spec);
  // If `sources` is set, `source` is ignored (Argo CD, docs/user-guide/multiple_sources.md).
  const sources = asList(spec.sources);
  const declaredSources = sources.length > 0 ? sources : [spec.source];
  return declaredSources.flatMap((source, i) => {
    if (!isMapping(source)) return [];
    const sourcePath = sources.length > 0 ? `${path}.sources[${i}]` : `${path}.source`;
    const chart = chartOf(source);
    if (chart === undefined) return [];
    const namespace = scalarString(asMapping(spec.destination).namespace);
    const releaseName =
      scalarString(asMapping(source.helm).releaseName) || scalarString(asMapping(application.metadata).name);
    return [{ ...chart, releaseName, namespace, via: declarationAt(resource, sourcePath) }];
  });
}

/** Returns the chart of a source; undefined for a Git source, which cannot be fetched as a chart. */
function chartOf(source: Mapping): Omit<NestedChart, 'via'> | undefined {
  const chart = scalarString(source.chart);
  const repository = scalarString(source.repoURL);
  const version = scalarString(source.targetRevision);
  const address =
    chart === '' ? ociSource(source, repository, version) : parseChartAddress(chart, withScheme(repository), version);
  if (address === undefined) return undefined;
  const helm = asMapping(source.helm);
  const values = isMapping(helm.valuesObject) ? helm.valuesObject : (parseValues(scalarString(helm.values)) ?? {});
  const files = asList(helm.valueFiles).map(scalarString);
  const parameters = asList(helm.parameters).filter(isMapping);
  const isForced = ({ forceString }: Mapping): boolean => forceString === true;
  return {
    ...address,
    values,
    valuesFiles: files.filter(isChartFile),
    set: parameters.filter((parameter) => !isForced(parameter)).map(assignment),
    setString: parameters.filter(isForced).map(assignment),
    unresolved: files.filter((file) => !isChartFile(file)).map((file) => `values file ${file}`),
  };
}

/** A repository without a scheme is an OCI registry (Argo CD, docs/user-guide/helm.md). */
function withScheme(repository: string): string {
  return repository === '' || repository.includes('://') ? repository : `oci://${repository}`;
}

/** An OCI artifact is a chart if its source has `helm` settings. */
function ociSource(source: Mapping, repository: string, version: string): ReturnType<typeof parseOciChartAddress> {
  return /^oci:\/\//i.test(repository) && source.helm !== undefined
    ? parseOciChartAddress(repository, version)
    : undefined;
}

/**
 * Reports whether a values file is in the chart's folder: neither from another source (`$values/…`) nor from a server.
 */
function isChartFile(file: string): boolean {
  return !file.startsWith('$') && !file.includes('://');
}

/**
 * Formats a parameter as Argo CD passes it to Helm: commas are escaped, except in a list (util/helm,
 * cleanSetParameters).
 */
function assignment({ name, value }: Mapping): string {
  const text = typeof value === 'boolean' ? String(value) : scalarString(value);
  const isList = text.startsWith('{') && text.endsWith('}');
  return `${scalarString(name)}=${isList ? text : text.replace(/(?<!\\),/g, '\\,')}`;
}

/** Parameters of one application, and the generator's changes to the template. */
interface GeneratedApplication {
  readonly parameters: Mapping;
  readonly template: Mapping;
}

/**
 * Returns the applications of an ApplicationSet, as far as its own text determines them. List generators and their
 * products are filled in; parameters from clusters, Git repositories or other servers stay as the template has them.
 */
function applicationsOf(set: Mapping): Mapping[] {
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
      const parameter = parameters[path] ?? valueAt(parameters, path.split('.'));
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
