import { quoted } from '../../base/printable.ts';
import { isDigest } from '../../oci/digest.ts';
import { dockerSaveFile } from '../docker-save.ts';
import type { Problem } from '../problem.ts';
import type { Bundle } from '../read.ts';
import type { Trees } from './trees.ts';

/** An entry of `manifest.json`, as far as it is used. */
interface Saved {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/**
 * `manifest.json` has no digest of its own, and `docker load` believes it: what it names has to be there. In a bundle it is
 * byte for byte what is written for the images of the index: no image more, none less, none with other content.
 * @param trees undefined where damage keeps them from being known: then only what is named is looked for
 */
export function checkDockerSave(bundle: Bundle, trees: Pick<Trees, 'manifests'> | undefined): Problem[] {
  const { dockerSave, entries } = bundle;
  const lock = bundle.lock();
  const problem = (what: string): Problem[] => [{ message: `manifest.json (for docker load) ${what}`, affects: [] }];
  if (dockerSave !== undefined) {
    const saved = readDockerSave(dockerSave);
    if (saved === undefined) return problem('cannot be read');
    for (const name of saved.flatMap(({ Config, Layers }) => [Config, ...Layers])) {
      const digest = name.replace(/^blobs\//, '').replace('/', ':');
      if (!isDigest(digest) || !entries.has(digest)) return problem(`names ${quoted(name)}, which is not there`);
    }
  }
  if (lock === undefined || trees === undefined) return [];
  // Who loads from that file needs all layers beside it, which a delta has not.
  const isDelta = (lock.requires ?? []).length > 0;
  const expected = isDelta ? undefined : dockerSaveFile({ roots: bundle.images(), manifests: trees.manifests });
  if (expected === undefined) return dockerSave === undefined ? [] : problem('is there, and a delta has none');
  if (dockerSave === undefined) return problem('is not there, and a bundle has one');
  if (Buffer.compare(dockerSave, expected) === 0) return [];
  return problem(`is not what the index says: ${differenceOf(dockerSave, expected)}`);
}

/** The first name under which another image would be loaded; what else is different, no reader sees. */
function differenceOf(there: Uint8Array, expected: Uint8Array): string {
  const [actual, wanted] = [there, expected].map((bytes) => contentByTag(readDockerSave(bytes) ?? []));
  for (const [tag, content] of actual ?? []) {
    const own = wanted?.get(tag);
    if (own === undefined) return `it names ${quoted(tag)}, which is not to be loaded`;
    if (own !== content) return `it has other content under ${quoted(tag)}`;
  }
  const missing = [...(wanted ?? [])].find(([tag]) => !actual?.has(tag));
  return missing === undefined ? 'it is written in another way' : `it does not name ${quoted(missing[0])}`;
}

function contentByTag(saved: readonly Saved[]): ReadonlyMap<string, string> {
  return new Map(
    saved.flatMap(({ Config, RepoTags, Layers }) =>
      RepoTags.map((tag) => [tag, [Config, ...Layers].join(' ')] as const),
    ),
  );
}

/** What `manifest.json` says; undefined when that is nothing of the kind. */
export function readDockerSave(bytes: Uint8Array): readonly Saved[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  const saved = json.map((entry: unknown) => {
    const { Config, RepoTags, Layers } = Object(entry) as { Config?: unknown; RepoTags?: unknown; Layers?: unknown };
    return { Config, RepoTags: RepoTags ?? [], Layers };
  });
  const isList = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');
  const isSaved = ({ Config, RepoTags, Layers }: (typeof saved)[number]): boolean =>
    typeof Config === 'string' && isList(RepoTags) && isList(Layers);
  return saved.every(isSaved) ? (saved as unknown as readonly Saved[]) : undefined;
}
