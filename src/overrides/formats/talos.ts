import { yamlText } from '../../base/yaml-text.ts';
import type { Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import { wholeRegistries } from './node-registries.ts';

/**
 * Formats a patch of Talos' machine configuration (v1alpha1, `machine.registries.mirrors`), for `talosctl patch`. Talos
 * writes the endpoint into containerd's hosts.toml: with `overridePath`, repositories are appended to the URL's path, and
 * with `skipFallback` (Talos 1.9 and later) the source registry is not asked.
 * @throws AirgapError `usage` for a naming that does not keep paths
 */
export function formatTalos(
  references: readonly Reference[],
  target: Target,
  { plainHttp, title }: { readonly plainHttp: boolean; readonly title: string },
): GeneratedFiles {
  const { registries, left } = wholeRegistries(references, target, { format: 'talos', reader: 'Talos', plainHttp });
  const mirrors = Object.fromEntries(
    registries.map(({ registry, url }) => [registry, { endpoints: [url], overridePath: true, skipFallback: true }]),
  );
  const header = [
    title,
    'Apply it with talosctl patch machineconfig. The original registry is never contacted.',
    ...left,
  ];
  return {
    files: [
      {
        path: 'talos-registries.yaml',
        text: commentBlock(header) + yamlText({ machine: { registries: { mirrors } } }),
      },
    ],
    left,
  };
}
