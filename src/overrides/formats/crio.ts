import { jsonText } from '../../base/printable.ts';
import { compareText } from '../../base/text-order.ts';
import type { Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import { nodeRegistries } from './node-registries.ts';

/**
 * Formats a drop-in of registries.conf, version 2 (containers-registries.conf(5)), which CRI-O, podman and skopeo read: the
 * longest `prefix` of a name is replaced by `location`, and nothing else is asked. A registry whose repositories keep their
 * paths has one entry for all of them. Another has one for each repository, and all its others are blocked.
 */
export function formatCrio(
  references: readonly Reference[],
  target: Target,
  { plainHttp, title }: { readonly plainHttp: boolean; readonly title: string },
): GeneratedFiles {
  const { registries, left } = nodeRegistries(references, target, 'CRI-O');
  const header = [
    title,
    'Put it into /etc/containers/registries.conf.d of each node. The original registry is never contacted.',
    ...left,
  ];
  const insecure = plainHttp ? 'insecure = true\n' : '';
  const tables = registries
    .flatMap(({ registry, prefix, repositories, moved }) => [
      // The longest prefix counts, so this is for repositories that have no entry.
      [
        registry,
        prefix === undefined
          ? `location = ${jsonText(registry)}\nblocked = true\n`
          : locationLine(target, prefix, insecure),
      ] as const,
      ...[...repositories]
        .filter(([path]) => moved.has(path))
        .map(([path, there]) => [`${registry}/${path}`, locationLine(target, there, insecure)] as const),
    ])
    .sort(([a], [b]) => compareText(a, b))
    .map(([prefix, settings]) => `\n[[registry]]\nprefix = ${jsonText(prefix)}\n${settings}`);
  return { files: [{ path: '50-airgap.conf', text: commentBlock(header) + tables.join('') }], left };
}

function locationLine(target: Target, path: string, insecure: string): string {
  return `location = ${jsonText([target.registry, path].filter(Boolean).join('/'))}\n${insecure}`;
}
