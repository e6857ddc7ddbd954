import { yamlText } from '../../base/yaml-text.ts';
import type { Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import { type NodeRegistry, nodeRegistries, targetUrl } from './node-registries.ts';

/**
 * Formats registries.yaml of k3s and RKE2 (docs.k3s.io, "Private Registry Configuration"): an endpoint for each source
 * registry, and regular expressions (Go's RE2) that turn repository paths into those at the target. A registry whose
 * repositories keep their paths has one expression for all of them, others one for each repository.
 *
 * k3s asks the source registry after its endpoints, unless it is started with `--disable-default-registry-endpoint`.
 */
export function formatK3s(
  references: readonly Reference[],
  target: Target,
  { plainHttp, title }: { readonly plainHttp: boolean; readonly title: string },
): GeneratedFiles {
  const { registries, left } = nodeRegistries(references, target, 'k3s');
  const header = [
    title,
    'Put it into /etc/rancher/k3s/registries.yaml of each node (RKE2: /etc/rancher/rke2/registries.yaml) and restart the service.',
    'Set disable-default-registry-endpoint: true in config.yaml beside it, or nodes ask the source registry next.',
    ...left,
  ];
  const mirrors = Object.fromEntries(
    registries.map((registry) => [
      registry.registry,
      { endpoint: [targetUrl(target, plainHttp)], rewrite: rewrites(registry) },
    ]),
  );
  return { files: [{ path: 'registries.yaml', text: commentBlock(header) + yamlText({ mirrors }) }], left };
}

/**
 * Returns one expression for all paths, or one for each; undefined if paths stay as they are. k3s applies the first that
 * matches, in any order, so no two of them match one path.
 */
function rewrites({ prefix, repositories, moved }: NodeRegistry): Readonly<Record<string, string>> | undefined {
  if (moved.size === 0) return prefix === '' ? undefined : { '^(.*)$': `${prefix}/$1` };
  return Object.fromEntries([...repositories].map(([path, moved]) => [`^${path.replaceAll('.', '\\.')}$`, moved]));
}
