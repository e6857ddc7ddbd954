import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { airgap, airgapOk } from '../../cli.ts';
import { buildImage, pushBuilt } from '../../images.ts';
import { startRegistry } from '../../registry.ts';
import { scratchFolder } from '../../scratch.ts';

/** Real programs in an image; without any, the node's runtime puts a stand-in there. */
export interface ImageContent {
  /** Files of this machine by their absolute path in the image; all may be executed. */
  readonly files: Readonly<Record<string, string>>;
  /** `config` of the image config. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Options of the connected side. */
export interface OutsideOptions {
  /** The bundle to write. */
  readonly file: string;
  /** Flags for `images` and `bundle`: values, rules, further images. */
  readonly flags?: readonly string[];
  /** Flags for `bundle` only. */
  readonly bundleFlags?: readonly string[];
  /** Further references that the public registries have, and that are bundled only if something names them. */
  readonly upstream?: readonly string[];
  /** Path of the Helm that the plugin runs. */
  readonly helm?: string;
  /** By repository with its registry, such as `quay.io/a/b`. */
  readonly contents?: Readonly<Record<string, ImageContent>>;
  /** Platforms that the public registries have by repository; linux/amd64 unless given. */
  readonly platforms?: Readonly<Record<string, readonly string[]>>;
  /** Version of Kubernetes for renders. */
  readonly kubeVersion?: string;
}

/** Version of the cluster's Kubernetes. */
const KUBE_VERSION = '1.34.4';

/**
 * The connected side: fills a stand-in of all public registries with an image for each reference of the charts, under its
 * real name, and bundles the charts. References pinned by digest must be those of such images.
 * @returns the references
 */
export async function bundleOutside(charts: readonly string[], options: OutsideOptions): Promise<readonly string[]> {
  const { file, flags = [], bundleFlags = [], contents = {}, platforms = {}, kubeVersion = KUBE_VERSION } = options;
  const env: Record<string, string> = options.helm === undefined ? {} : { HELM_BIN: options.helm };
  const home = scratchFolder();
  const common = [...charts, ...(charts.length > 0 ? ['--kube-version', kubeVersion] : []), ...flags];
  return withUpstream(async (host, mirror) => {
    // Exit code 3: it found something to look at, as some charts have.
    const { code, stdout, stderr } = await airgap(['images', ...common, '-o', 'txt'], home, { env });
    if (code !== 0 && code !== 3) throw new Error(`images ended with ${code}: ${stderr}`);
    const references = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const reference of [...references, ...(options.upstream ?? [])])
      await pushStandIn(host, reference, contents, platforms);
    await airgapOk(['bundle', ...common, ...mirror, ...bundleFlags, '--out', file], home, { env });
    return references;
  });
}

/**
 * The connected side, after a check inside: bundles what its document lists as missing.
 * @param references what the public registries have
 */
export async function bundleMissingOutside(list: string, file: string, references: readonly string[]): Promise<void> {
  await withUpstream(async (host, mirror) => {
    for (const reference of references) await pushStandIn(host, reference);
    await airgapOk(['bundle', '--only-missing', list, ...mirror, '--out', file], scratchFolder());
  });
}

/** Runs `work` with an empty stand-in of all public registries, and the flags by which the plugin asks it. */
async function withUpstream<R>(work: (host: string, mirror: readonly string[]) => Promise<R>): Promise<R> {
  const { host, stop } = await startRegistry();
  try {
    return await work(host, ['--mirror', `*=${host}`, '--plain-http', host]);
  } finally {
    await stop();
  }
}

async function pushStandIn(
  host: string,
  reference: string,
  contents: OutsideOptions['contents'] = {},
  platforms: OutsideOptions['platforms'] = {},
): Promise<void> {
  const [name = ''] = reference.split('@');
  const colon = name.indexOf(':', name.indexOf('/'));
  const repository = colon < 0 ? name : name.slice(0, colon);
  const tag = colon < 0 ? undefined : name.slice(colon + 1);
  const content = contents[repository];
  const image = buildImage({
    // An image pinned by digest depends on its repository only, so that a test can pin it.
    name: reference.includes('@') ? repository : `${repository}:${tag}`,
    sharedLayer: 'base',
    platforms: platforms[repository] ?? ['linux/amd64'],
    index: true,
    // containerd wants a command before the runtime can put one there.
    config: { Entrypoint: ['/stand-in'], User: '65532', ...content?.config },
    ...(content && { layers: [layerOf(content.files)] }),
  });
  await pushBuilt(host, repository, tag, image);
}

function layerOf(files: ImageContent['files']): Buffer {
  const folder = scratchFolder();
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    copyFileSync(source, join(folder, path));
  }
  const archive = join(scratchFolder(), 'layer.tar');
  const owner = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--mode=755'];
  execFileSync('tar', ['-C', folder, ...owner, '-cf', archive, '.']);
  return readFileSync(archive);
}
