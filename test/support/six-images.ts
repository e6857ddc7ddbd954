import { addImages, type Pace, type PacedRegistry, startPacedRegistry } from './paced-registry.ts';

/** Repositories of six images, which share a layer and have one of their own. */
export const SIX = ['web/front', 'web/back', 'db/main', 'db/backup', 'tool/one', 'tool/two'] as const;

/** Bytes of each layer; 10.5 MB in all. */
const LAYER = 1_500_000;

let built: PacedRegistry | undefined;

/** Starts a registry with the six images, which are built once. */
export async function startSix(pace: Partial<Pace> = {}, options = {}): Promise<PacedRegistry> {
  const registry = await startPacedRegistry(options);
  if (built === undefined) addImages(registry, SIX, LAYER);
  else for (const [path, content] of built.content.repositories) registry.content.repositories.set(path, content);
  built ??= registry;
  Object.assign(registry.pace, pace);
  return registry;
}

/** Digest of the layer that only this image has. */
export function ownLayer({ content }: PacedRegistry, repository: (typeof SIX)[number]): string {
  const manifest = JSON.parse(content.find(repository, '1')?.bytes.toString('utf8') ?? '') as {
    layers: { digest: string }[];
  };
  return manifest.layers[1]?.digest ?? '';
}

/** Arguments to bundle the six images. */
export function bundleArgs({ host }: PacedRegistry, out: string): string[] {
  const images = SIX.flatMap((repository) => ['--image', `${host}/${repository}:1`]);
  return ['bundle', ...images, '--plain-http', host, '--out', out];
}

/** Arguments to push a bundle. */
export function pushArgs({ host }: PacedRegistry, bundle: string): string[] {
  return ['push', bundle, '--to', `${host}/copy`, '--naming', 'path', '--plain-http', host];
}

/** Number of tags that pushes have written. */
export function pushedTo({ content }: PacedRegistry): number {
  const pushed = [...content.repositories].filter(([path]) => path.startsWith('copy/'));
  return pushed.reduce((sum, [, { tags }]) => sum + tags.size, 0);
}
