import { checkName } from '../../base/names.ts';
import { jsonText } from '../../base/printable.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';
import { wholeRegistries } from './node-registries.ts';

/**
 * Formats one hosts.toml per source registry, for containerd's `config_path` (containerd, docs/hosts.md).
 *
 * containerd requests `PATH/<repository>/…?ns=<registry>`. PATH is the URL's path plus `/v2`, or with `override_path`
 * the URL's path unchanged. A naming that keeps paths puts all repositories of a registry below one path, so a URL with
 * `/v2/` before that path addresses each of them. Registries ignore `ns`.
 *
 * Images on the target's own host cannot be told apart from private ones and are omitted.
 * @throws AirgapError `usage` for a naming that does not keep paths
 */
export function formatContainerd(
  references: readonly Reference[],
  target: Target,
  { plainHttp }: { readonly plainHttp: boolean },
): GeneratedFiles {
  const settings = { format: 'containerd', reader: 'containerd', plainHttp };
  const { registries, left } = wholeRegistries(references, target, settings);
  const files = registries.map(({ registry, url }) => ({
    path: `${checkName('registry', registry, 'an image')}/hosts.toml`,
    text: hostsToml(registry, url, target),
  }));
  return { files, left };
}

function hostsToml(registry: string, url: string, target: Target): string {
  const header = commentBlock([
    `${registry}/hosts.toml: images of ${registry} come from ${formatTarget(target)}.`,
    "Put it into containerd's config_path, usually /etc/containerd/certs.d. The original registry is never contacted.",
  ]);
  // containerd 1.6 does not read a file without a host, and asks the original registry. The server is what all versions ask
  // after the hosts: unless it is the target too, it is the original registry.
  const settings = 'capabilities = ["pull", "resolve"]\noverride_path = true\n';
  return `${header}server = ${jsonText(url)}\n${settings}\n[host.${jsonText(url)}]\n${settings}`;
}
