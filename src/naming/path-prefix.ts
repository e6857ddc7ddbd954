import { tryParseRepository } from '../oci/reference.ts';
import { formatTarget, type Target } from './naming.ts';
import { fillTemplate, joinPath, namingTemplate } from './naming-template.ts';

/**
 * Returns the path below which all images of a registry keep their own paths, for registry mirrors; undefined if the
 * naming changes paths.
 */
export function registryPathPrefix(target: Target, registry: string): string | undefined {
  const template = namingTemplate(target.naming);
  if ((target.rules ?? []).length > 0 || !/(?:^|\/)\{path\}$/.test(template)) return undefined;
  const prefixTemplate = template.slice(0, -'{path}'.length);
  return prefixTemplate.replace('{host}', '').includes('{')
    ? undefined
    : joinPath(target.prefix, fillTemplate(prefixTemplate, { registry, path: '' }, ''));
}

/**
 * Returns the target's name for a registry, or for one with the beginning of a path, to which programs append the rest of a reference;
 * undefined if the naming changes paths.
 */
export function targetPrefix(target: Target, source: string): string | undefined {
  // Two components, because one alone would get `library/` in the default registry.
  const parsed = tryParseRepository(`${source}/x/x`);
  const registryPath = parsed && registryPathPrefix(target, parsed.registry);
  if (parsed === undefined || registryPath === undefined) return undefined;
  const path = joinPath(registryPath, parsed.path.slice(0, -'/x/x'.length));
  return formatTarget({ registry: target.registry, prefix: path });
}
