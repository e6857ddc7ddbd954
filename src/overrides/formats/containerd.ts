import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { jsonText } from '../../base/printable.ts';
import { formatTarget, registryPathPrefix, type Target, targetRepository } from '../../naming/naming.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFile, type GeneratedFiles } from './format.ts';

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
  const files: GeneratedFile[] = [];
  const left: string[] = [];
  for (const [registry, group] of Map.groupBy(references, (reference) => reference.registry)) {
    if (registry === target.registry) {
      left.push(
        ...group.map((reference) => `${formatReference(reference)}: containerd would redirect the target itself`),
      );
      continue;
    }
    const prefix = prefixFor(registry, target);
    const isMoved = (reference: Reference): boolean =>
      targetRepository(target, reference).path !== joinPath(prefix, reference.path);
    left.push(
      ...group.filter(isMoved).map((reference) => `${formatReference(reference)}: its path differs at the target`),
    );
    const url = [`${plainHttp ? 'http' : 'https'}://${target.registry}/v2`, prefix].filter(Boolean).join('/');
    files.push({
      path: `${checkName('registry', registry, 'an image')}/hosts.toml`,
      text: hostsToml(registry, url, target),
    });
  }
  return { files, left };
}

/** Returns the path prefix that the naming gives to a registry's repositories; empty if there is none. */
function prefixFor(registry: string, target: Target): string {
  const prefix = registryPathPrefix(target, registry);
  if (prefix !== undefined) return prefix;
  const rules = (target.rules ?? []).length > 0 ? ' with rules' : '';
  throw new AirgapError(
    'usage',
    `--format containerd redirects whole registries, but --naming ${target.naming}${rules} changes repository paths`,
    { hint: 'push with --naming host-path or path and without rules, or use --format mirrorset' },
  );
}

function joinPath(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
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
