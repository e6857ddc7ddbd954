import { asMapping, type Mapping } from '../base/mapping.ts';
import { isName } from '../base/names.ts';
import { formatRepository, tryParseReference } from '../oci/reference.ts';
import { describeOrigin, type ExportedObject } from './exported-objects.ts';

/** Kinds of objects that build images. */
export const BUILD_KINDS: ReadonlySet<string> = new Set(['BuildConfig', 'Build']);

/** Build, or configuration of builds, that writes a tag. */
export interface BuildOutput {
  /** `BuildConfig shop/web`. */
  readonly builder: string;
  /** Where it is in the export. */
  readonly where: string;
}

/**
 * Returns what builds write to tags of image streams, by `NAMESPACE/STREAM:TAG`: `spec.output.to` of BuildConfigs and Builds
 * (build.openshift.io/v1), an ImageStreamTag or a name in the internal registry. A BuildConfig goes before its Builds.
 * @param isInternal reports whether a registry host is that of the internal registry
 */
export function buildOutputs(
  objects: readonly ExportedObject[],
  isInternal: (registry: string) => boolean,
): ReadonlyMap<string, BuildOutput> {
  const outputs = new Map<string, BuildOutput>();
  for (const kind of BUILD_KINDS) {
    for (const exported of objects) {
      if (exported.kind !== kind) continue;
      const key = outputTag(exported, isInternal);
      const builder = `${kind} ${exported.namespace}/${exported.name}`;
      if (key !== undefined && !outputs.has(key)) outputs.set(key, { builder, where: describeOrigin(exported.origin) });
    }
  }
  return outputs;
}

function outputTag(
  { object, namespace }: ExportedObject,
  isInternal: (registry: string) => boolean,
): string | undefined {
  const to: Mapping = asMapping(asMapping(asMapping(object.spec).output).to);
  const { kind, name } = to;
  if (typeof name !== 'string') return undefined;
  if (kind === 'ImageStreamTag') {
    const owner = typeof to.namespace === 'string' && to.namespace !== '' ? to.namespace : namespace;
    return isName('namespace', owner) ? `${owner}/${name.includes(':') ? name : `${name}:latest`}` : undefined;
  }
  const reference = kind === 'DockerImage' ? tryParseReference(name) : undefined;
  if (reference === undefined || !isInternal(reference.registry)) return undefined;
  return `${formatRepository(reference).slice(reference.registry.length + 1)}:${reference.tag ?? 'latest'}`;
}
