import { quoted } from '../../base/printable.ts';
import { isDigest } from '../../oci/digest.ts';
import type { BundleProblem } from '../bundle-problem.ts';
import { dockerSaveFile, readDockerSave, type SavedImage } from '../docker-save.ts';
import type { Bundle } from '../read.ts';
import type { ManifestTrees } from './trees.ts';

/**
 * Checks `manifest.json`, which no digest covers although `docker load` trusts it. Its files must exist; in a bundle it
 * must equal, byte for byte, the file generated from the index.
 * @param trees undefined if manifests are damaged; then only the existence of files is checked
 */
export function checkDockerSave(bundle: Bundle, trees: Pick<ManifestTrees, 'manifests'> | undefined): BundleProblem[] {
  const { dockerSave, entries } = bundle;
  const inventory = bundle.inventory();
  const problem = (what: string): BundleProblem[] => [
    { message: `manifest.json (for docker load) ${what}`, affects: [] },
  ];
  if (dockerSave !== undefined) {
    const saved = readDockerSave(dockerSave);
    if (saved === undefined) return problem('cannot be read');
    for (const name of saved.flatMap(({ Config, Layers }) => [Config, ...Layers])) {
      const digest = name.replace(/^blobs\//, '').replace('/', ':');
      if (!isDigest(digest) || !entries.has(digest)) return problem(`names ${quoted(name)}, which is missing`);
    }
  }
  if (inventory === undefined || trees === undefined) return [];
  // `docker load` needs all layers, which a delta does not have.
  const isDelta = (inventory.requires ?? []).length > 0;
  const expected = isDelta ? undefined : dockerSaveFile({ roots: bundle.images(), manifests: trees.manifests });
  if (expected === undefined)
    return dockerSave === undefined ? [] : problem('is present, but a delta must not have one');
  if (dockerSave === undefined) return problem('is missing');
  if (Buffer.compare(dockerSave, expected) === 0) return [];
  return problem(`does not match the index: ${describeDifference(dockerSave, expected)}`);
}

/** Describes the first tag that would load another image. Other differences do not affect readers. */
function describeDifference(actual: Uint8Array, expected: Uint8Array): string {
  const [actualContent, expectedContent] = [actual, expected].map((bytes) => contentByTag(readDockerSave(bytes) ?? []));
  for (const [tag, content] of actualContent ?? []) {
    const expectedForTag = expectedContent?.get(tag);
    if (expectedForTag === undefined) return `unexpected tag ${quoted(tag)}`;
    if (expectedForTag !== content) return `different content for ${quoted(tag)}`;
  }
  const missing = [...(expectedContent ?? [])].find(([tag]) => !actualContent?.has(tag));
  return missing === undefined ? 'different formatting' : `missing tag ${quoted(missing[0])}`;
}

function contentByTag(saved: readonly SavedImage[]): ReadonlyMap<string, string> {
  return new Map(
    saved.flatMap(({ Config, RepoTags, Layers }) =>
      RepoTags.map((tag) => [tag, [Config, ...Layers].join(' ')] as const),
    ),
  );
}
