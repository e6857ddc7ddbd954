import { formatTarget, type Target, targetRepository } from '../../oci/naming.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import type { Formatted, FormattedFile } from './format.ts';

/**
 * One hosts.toml a source registry, for containerd's `config_path` (containerd, docs/hosts.md).
 *
 * containerd asks a host for `PATH/<repository>/…?ns=<registry>`; PATH is the URL's own with `/v2` behind it, and with
 * `override_path` the URL's as it is. Both namings put all repositories of a registry below one path, so that a URL with
 * `/v2/` in front of that path names each exactly. Registries pass over `ns`.
 *
 * What comes from the target's own host and lies outside its prefix cannot be told apart from what is private already.
 */
export function formatContainerd(
  references: readonly Reference[],
  target: Target,
  { plainHttp }: { readonly plainHttp: boolean },
): Formatted {
  const files: FormattedFile[] = [];
  const left: string[] = [];
  for (const [registry, group] of Map.groupBy(references, (reference) => reference.registry)) {
    if (registry === target.registry) {
      left.push(
        ...group.map((reference) => `${formatReference(reference)}: containerd would redirect the target itself`),
      );
      continue;
    }
    const url = `${plainHttp ? 'http' : 'https'}://${target.registry}/v2${rootOf(registry, target)}`;
    files.push({ path: `${registry}/hosts.toml`, text: hostsToml(registry, url, target) });
  }
  return { files, left };
}

/** The path under which the naming puts everything of a registry, with a slash in front; empty at the top. */
function rootOf(registry: string, target: Target): string {
  const { path } = targetRepository(target, { registry, path: 'x' });
  return `/${path}`.slice(0, -'/x'.length);
}

function hostsToml(registry: string, url: string, target: Target): string {
  return `# ${registry}/hosts.toml: images of ${registry} come from ${formatTarget(target)}.
# Put it into containerd's config_path, most often /etc/containerd/certs.d. The host itself is never asked.
server = "${url}"
capabilities = ["pull", "resolve"]
override_path = true
`;
}
