import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { scratchFolder } from './scratch.ts';

/** The image of the tool, unpacked for one architecture. */
export interface ToolImage {
  /** Root folder of its files. */
  readonly root: string;
  /** Configuration of the image. */
  readonly config: ImageConfig;
  /** Runs a command in it as its user, with its environment, or its entry point with these arguments. */
  run(command: readonly string[], options?: { readonly isArguments?: boolean }): Promise<string>;
}

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** Reason why the image cannot run here; undefined if it can. */
export function withoutChroot(): string | undefined {
  if (process.platform !== 'linux') return 'the image is for Linux';
  return process.getuid?.() === 0 ? undefined : 'chroot needs root';
}

/** Architectures of the image, with their names in OCI and in Node. */
export const IMAGE_ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' } as const;

/**
 * Reason why programs of this architecture cannot run here; undefined if they can: on such a machine, or by an emulator that is
 * registered with the kernel (binfmt_misc) so that it works inside chroot too (flag F). Debian's qemu-user-static is one.
 */
export function withoutArchitecture(architecture: keyof typeof IMAGE_ARCHITECTURES): string | undefined {
  if (process.arch === IMAGE_ARCHITECTURES[architecture]) return undefined;
  const emulators = '/proc/sys/fs/binfmt_misc';
  const name = architecture === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64';
  const entry = existsSync(join(emulators, name)) ? readFileSync(join(emulators, name), 'utf8') : '';
  if (/^enabled$/m.test(entry) && /^flags: .*F/m.test(entry)) return undefined;
  return `this machine is ${process.arch}, and the kernel knows no ${name} (binfmt_misc, flag F)`;
}

/**
 * Unpacks the image with skopeo and GNU tar, which check digests and formats, to run it with chroot: container engines do not run
 * inside every container.
 * @param file archive of `npm run image`
 * @param architecture by default this machine's
 */
export async function unpackToolImage(
  file: string,
  architecture?: keyof typeof IMAGE_ARCHITECTURES,
): Promise<ToolImage> {
  const folder = scratchFolder();
  const [copy, root] = [join(folder, 'copy'), join(folder, 'root')];
  mkdirSync(root);
  const choice = architecture === undefined ? [] : ['--override-arch', architecture];
  await execa('skopeo', ['--insecure-policy', ...choice, 'copy', '--quiet', `oci-archive:${file}`, `dir:${copy}`]);
  const blob = (digest: string): string => join(copy, digest.slice('sha256:'.length));
  const manifest = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8'));
  for (const { digest } of manifest.layers as { digest: string }[])
    await execa('tar', [
      '--extract',
      '--gzip',
      '--same-permissions',
      '--same-owner',
      '--file',
      blob(digest),
      '-C',
      root,
    ]);
  // Devices are the engine's.
  await execa('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
  const { config } = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8')) as { config: ImageConfig };
  const run: ToolImage['run'] = async (command, { isArguments = false } = {}) => {
    const words = isArguments ? [...config.Entrypoint, ...command] : command;
    const start = ['/bin/sh', '-c', 'cd "$0" && exec "$@"', config.WorkingDir];
    const inside = ['/usr/bin/env', '-i', ...config.Env, ...start, ...words];
    const { stdout } = await execa('chroot', [`--userspec=${config.User}`, root, ...inside], {
      env: { PATH: process.env.PATH },
      extendEnv: false,
      stdin: 'ignore',
    });
    return stdout;
  };
  return { root, config, run };
}

/**
 * Runs the tool and Helm in the image: its version, Helm's list of plugins, and the images of a chart.
 * @returns the images
 * @throws Error if a command fails, or the version is another
 */
export async function tryToolImage(image: ToolImage, version: string): Promise<string> {
  const found = await image.run(['--version'], { isArguments: true });
  if (found !== version) throw new Error(`the image has version ${found}`);
  const chart = join(image.root, image.config.WorkingDir, 'tried');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: tried\nversion: 1.0.0\n');
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: { name: tried }\nspec: { containers: [{ name: a, image: "{{ "quay.io/acme/tried:1" }}" }] }\n';
  writeFileSync(join(chart, 'templates/pod.yaml'), pod);
  const images = await image.run(['helm', 'airgap', 'images', 'tried', '-o', 'txt']);
  if (!images.includes('quay.io/acme/tried:1')) throw new Error(`the image finds ${images}`);
  return images;
}
