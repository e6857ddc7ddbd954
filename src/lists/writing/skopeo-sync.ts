import { Document } from 'yaml';
import { documentText, YAML_1_1 } from '../../base/yaml-text.ts';
import { parseReference } from '../../oci/reference.ts';
import { commented, type WrittenList } from './written-list.ts';

/** Writes a file for `skopeo sync --src yaml`: tags and digests by registry and repository. Skopeo copies no charts. */
export function skopeoSyncList({ charts, images, remarks }: WrittenList): string {
  const registries = new Map<string, Map<string, string[]>>();
  const both: string[] = [];
  for (const image of images) {
    const { registry, path, tag, digest } = parseReference(image);
    const repositories = registries.get(registry) ?? new Map<string, string[]>();
    registries.set(registry, repositories);
    repositories.set(path, [...new Set([...(repositories.get(path) ?? []), digest ?? tag ?? 'latest'])]);
    // An entry is either of them, and the digest is what is meant.
    if (digest !== undefined && tag !== undefined) both.push(`tag of the digest: ${image}`);
  }
  const content = Object.fromEntries(
    [...registries].map(([registry, repositories]) => [registry, { images: Object.fromEntries(repositories) }]),
  );
  const chartRemarks = charts.map(({ name, version, repository }) => `chart: ${name} ${version} of ${repository}`);
  return documentText(commented(new Document(content, YAML_1_1), [...both, ...remarks, ...chartRemarks])).trimEnd();
}
