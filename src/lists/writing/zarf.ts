import { Document } from 'yaml';
import { documentText, YAML_1_1 } from '../../base/yaml-text.ts';
import { commented, type WrittenChart, type WrittenList } from './written-list.ts';

/** Zarf's limit of the names of charts. */
const MAX_NAME = 40;

/** Writes the definition of a Zarf package (zarf.yaml, v1alpha1) with one component. */
export function zarfList({ charts, images, remarks }: WrittenList): string {
  const names = new Set<string>();
  const component = {
    name: 'airgap',
    required: true,
    ...(charts.length > 0 && { charts: charts.map((chart) => zarfChart(chart, names)) }),
    ...(images.length > 0 && { images }),
  };
  const document = new Document(
    { kind: 'ZarfPackageConfig', metadata: { name: 'airgap' }, components: [component] },
    YAML_1_1,
  );
  return documentText(commented(document, remarks)).trimEnd();
}

/** @param names of charts so far: they are unique in a component */
function zarfChart({ name, version, repository }: WrittenChart, names: Set<string>): object {
  let unique = name.slice(0, MAX_NAME);
  for (let i = 2; names.has(unique); i += 1) unique = `${name.slice(0, MAX_NAME - 4)}-${i}`;
  names.add(unique);
  // Zarf needs a namespace.
  const common = { name: unique, version, namespace: 'default' };
  if (repository.startsWith('oci://')) return { ...common, url: `${repository}/${name}` };
  return { ...common, url: repository, ...(unique !== name && { repoName: name }) };
}
