import { checkName } from '../../base/names.ts';
import { compareText } from '../../base/text-order.ts';
import { yamlText } from '../../base/yaml-text.ts';
import { isTagChanged, type Target, targetRepository } from '../../naming/naming.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { commentBlock, type GeneratedFiles } from './format.ts';

/** Valid mirror name in OpenShift (openshift/api, config/v1, ImageMirror). */
const MIRROR_NAME =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;

/**
 * Formats OpenShift's ImageTagMirrorSet and ImageDigestMirrorSet (config.openshift.io/v1): the cluster uses the first
 * for references with only a tag, the second for those with a digest. Each repository has its own entry, so other
 * images of the registry, including those of the cluster itself, are not redirected.
 * @param name of both resources; applying another chart's resources under the same name would replace them
 */
export function formatMirrorSet(
  references: readonly Reference[],
  target: Target,
  { title, name }: { readonly title: string; readonly name: string },
): GeneratedFiles {
  const left: string[] = [];
  const expressible = references.filter((reference) => {
    const isValidName = [reference, targetRepository(target, reference)].every((repository) =>
      MIRROR_NAME.test(formatRepository(repository)),
    );
    const isRetagged = isTagChanged(target, reference);
    if (!isValidName) left.push(`${formatReference(reference)}: not a valid mirror name in OpenShift`);
    else if (isRetagged) left.push(`${formatReference(reference)}: its tag differs at the target`);
    return isValidName && !isRetagged;
  });
  const tagged = expressible.filter(({ digest }) => digest === undefined);
  const pinned = expressible.filter(({ digest }) => digest !== undefined);
  const documents = [
    ...(tagged.length === 0 ? [] : [mirrorSet('ImageTagMirrorSet', 'imageTagMirrors', name, tagged, target)]),
    ...(pinned.length === 0 ? [] : [mirrorSet('ImageDigestMirrorSet', 'imageDigestMirrors', name, pinned, target)]),
  ];
  const header = [title, 'Nodes pull these repositories only from the mirror.', ...left];
  const text = commentBlock(header) + documents.map((document) => yamlText(document)).join('---\n');
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
    .sort(([a], [b]) => compareText(a, b))
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
