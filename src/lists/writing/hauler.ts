import { Document } from 'yaml';
import { documentText, YAML_1_1 } from '../../base/yaml-text.ts';
import { commented, type WrittenList } from './written-list.ts';

/** Writes a manifest for `hauler store sync`: a document of kind Images, and one of kind Charts if there are charts. */
export function haulerList({ charts, images, remarks }: WrittenList): string {
  const documents = [
    manifest('Images', { images: images.map((name) => ({ name })) }),
    ...(charts.length === 0
      ? []
      : [
          manifest('Charts', {
            charts: charts.map(({ name, version, repository }) => ({ name, repoURL: repository, version })),
          }),
        ]),
  ];
  const last = documents.at(-1);
  if (last !== undefined) commented(last, remarks);
  return documents
    .map((document) => documentText(document))
    .join('---\n')
    .trimEnd();
}

function manifest(kind: 'Images' | 'Charts', spec: object): Document {
  const metadata = { name: `airgap-${kind.toLowerCase()}` };
  return new Document({ apiVersion: 'content.hauler.cattle.io/v1', kind, metadata, spec }, YAML_1_1);
}
