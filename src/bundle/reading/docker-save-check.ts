import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import { readLinks } from '../../oci/manifest.ts';
import { blobName } from '../layout.ts';
import type { Problem } from '../problem.ts';
import type { Bundle } from '../read.ts';

/** An entry of `manifest.json`, as far as it is used. */
interface Saved {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/**
 * `manifest.json` has no digest of its own, and `docker load` believes it: what it names has to be there, and in a bundle
 * each of its names stands for an image that the index has under that name.
 */
export async function checkDockerSave(bundle: Bundle): Promise<Problem[]> {
  const { dockerSave, entries } = bundle;
  if (dockerSave === undefined) return [];
  const problem = (what: string): Problem => ({ message: `manifest.json (for docker load) ${what}`, affects: [] });
  const saved = readDockerSave(dockerSave);
  if (saved === undefined) return [problem('cannot be read')];
  for (const name of saved.flatMap(({ Config, Layers }) => [Config, ...Layers])) {
    const digest = name.replace(/^blobs\//, '').replace('/', ':');
    if (!isDigest(digest) || !entries.has(digest))
      return [problem(`names ${JSON.stringify(name)}, which is not there`)];
  }
  if (bundle.lock() === undefined) return [];
  const known = new Map<Digest, Promise<readonly string[]>>();
  for (const { Config, RepoTags, Layers } of saved) {
    for (const tag of RepoTags) {
      const roots = bundle.images().filter(({ reference: at }) => `${at.registry}/${at.path}:${at.tag}` === tag);
      const images = await Promise.all(roots.map(({ descriptor }) => imagesUnder(bundle, descriptor, known)));
      if (images.flat().includes(content(Config, Layers))) continue;
      return [problem(`has other content under ${JSON.stringify(tag)} than the index`)];
    }
  }
  return [];
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

/** The images that a manifest is, or that an index lists, as `manifest.json` would have them. */
function imagesUnder(
  bundle: Bundle,
  { digest }: Descriptor,
  known: Map<Digest, Promise<readonly string[]>>,
): Promise<readonly string[]> {
  const read = async (): Promise<readonly string[]> => {
    const { descriptor, bytes } = await bundle.manifest({ registry: '', path: '' }, digest);
    const { manifests, blobs } = readLinks(descriptor.mediaType, bytes);
    if (manifests.length > 0)
      return (await Promise.all(manifests.map((child) => imagesUnder(bundle, child, known)))).flat();
    const [config, ...layers] = blobs.map((blob) => blobName(blob.digest));
    return config === undefined ? [] : [content(config, layers)];
  };
  // What is damaged or not there is told as that.
  const images = known.get(digest) ?? read().catch(() => []);
  known.set(digest, images);
  return images;
}

function content(config: string, layers: readonly string[]): string {
  return [config, ...layers].join(' ');
}
