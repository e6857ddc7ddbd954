import { execFileSync } from 'node:child_process';
import { pushImage } from '../test/support/images.ts';

/** Packs a built operator into an image of a local registry: one layer with its program and files. */
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
