import { execFileSync } from 'node:child_process';
import { pushImage } from '../test/support/images.ts';

/** Pushes a built operator to a local registry, as an image with one layer. */
export function pack(
  host: string,
  folder: string,
  { image, program }: { image: string; program: string },
): Promise<string> {
  const tar = execFileSync('tar', ['c', '--sort=name', '--owner=0', '--group=0', '-C', folder, '.'], {
    maxBuffer: 2 ** 30,
  });
  const [, path = '', tag] = /^[^/]+\/(.*):([^:]+)$/.exec(image) ?? [];
  const config = { Entrypoint: [`/${program}`] };
  return pushImage(host, path, tag, { name: image, platforms: ['linux/amd64'], layers: [tar], config });
}
