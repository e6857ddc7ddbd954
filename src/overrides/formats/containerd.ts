import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { jsonText } from '../../base/printable.ts';
import { formatTarget, registryFolder, type Target, targetRepository } from '../../oci/naming.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { commented, type Formatted, type FormattedFile } from './format.ts';

/**
 * One hosts.toml a source registry, for containerd's `config_path` (containerd, docs/hosts.md).
 *
 * containerd asks a host for `PATH/<repository>/…?ns=<registry>`; PATH is the URL's own with `/v2` behind it, and with
 * `override_path` the URL's as it is. A naming that keeps paths puts all repositories of a registry below one path, so that
 * a URL with `/v2/` in front of that path names each exactly. Registries pass over `ns`.
 *
 * What comes from the target's own host and lies outside its prefix cannot be told apart from what is private already.
 * @throws AirgapError `usage` for a naming that does not keep paths
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
    const folder = folderOf(registry, target);
    const isMoved = (reference: Reference): boolean =>
      targetRepository(target, reference).path !== join(folder, reference.path);
    left.push(
      ...group.filter(isMoved).map((reference) => `${formatReference(reference)}: has another path at the target`),
    );
    const url = [`${plainHttp ? 'http' : 'https'}://${target.registry}/v2`, folder].filter(Boolean).join('/');
    files.push({
      path: `${checkName('registry', registry, 'an image')}/hosts.toml`,
      text: hostsToml(registry, url, target),
    });
  }
  return { files, left };
}

/** The path under which the naming puts everything of a registry; empty at the top. */
function folderOf(registry: string, target: Target): string {
  const folder = registryFolder(target, registry);
  if (folder !== undefined) return folder;
  const rules = (target.rules ?? []).length > 0 ? ' with rules' : '';
  throw new AirgapError(
    'usage',
    `--format containerd sends whole registries elsewhere, and --naming ${target.naming}${rules} changes paths`,
    { hint: 'push with --naming host-path or path and without rules; --format mirrorset goes with every naming' },
  );
}

function join(folder: string, path: string): string {
  return folder === '' ? path : `${folder}/${path}`;
}

function hostsToml(registry: string, url: string, target: Target): string {
  const head = commented([
    `${registry}/hosts.toml: images of ${registry} come from ${formatTarget(target)}.`,
    "Put it into containerd's config_path, most often /etc/containerd/certs.d. The host itself is never asked.",
  ]);
  return `${head}server = ${jsonText(url)}
capabilities = ["pull", "resolve"]
override_path = true
`;
}
