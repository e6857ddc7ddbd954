import { checkName } from '../../base/names.ts';
import { yamlText } from '../../base/yaml-text.ts';
import { isTagChanged, type Target, targetRepository } from '../../oci/naming.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { commented, type Formatted } from './format.ts';

/** What OpenShift takes for a mirror (openshift/api, config/v1, ImageMirror). */
const MIRROR =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;

/**
 * OpenShift's ImageTagMirrorSet and ImageDigestMirrorSet (config.openshift.io/v1): the first for references with a tag
 * alone, the second for those with a digest, as the cluster looks at one or the other. Each repository stands by itself,
 * so that nothing else of its registry is redirected, the cluster's own images among it.
 * @param name of both resources: applying those of another chart under the same name would take these away
 */
export function formatMirrorSet(
  references: readonly Reference[],
  target: Target,
  { title, name }: { readonly title: string; readonly name: string },
): Formatted {
  const left: string[] = [];
  const expressible = references.filter((reference) => {
    const isFine = [reference, targetRepository(target, reference)].every((one) => MIRROR.test(formatRepository(one)));
    const isOtherTag = isTagChanged(target, reference);
    if (!isFine) left.push(`${formatReference(reference)}: OpenShift takes no such name for a mirror's`);
    else if (isOtherTag) left.push(`${formatReference(reference)}: has another tag at the target`);
    return isFine && !isOtherTag;
  });
  const tagged = expressible.filter(({ digest }) => digest === undefined);
  const pinned = expressible.filter(({ digest }) => digest !== undefined);
  const documents = [
    ...(tagged.length === 0 ? [] : [mirrorSet('ImageTagMirrorSet', 'imageTagMirrors', name, tagged, target)]),
    ...(pinned.length === 0 ? [] : [mirrorSet('ImageDigestMirrorSet', 'imageDigestMirrors', name, pinned, target)]),
  ];
  const header = [title, 'Nodes are asked for these repositories at the mirror alone.', ...left];
  const text = commented(header) + documents.map((document) => yamlText(document)).join('---\n');
  return { files: [{ path: 'mirrorset.yaml', text }], left };
}

function mirrorSet(
  kind: string,
  field: string,
  name: string,
  references: readonly Reference[],
  target: Target,
): object {
  const sources = new Map(references.map((reference) => [formatRepository(reference), reference]));
  const mirrors = [...sources]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, reference]) => ({
      source,
      mirrors: [formatRepository(targetRepository(target, reference))],
      mirrorSourcePolicy: 'NeverContactSource',
    }));
  return {
    apiVersion: 'config.openshift.io/v1',
    kind,
    metadata: { name: checkName('object name', name, kind) },
    spec: { [field]: mirrors },
  };
}
