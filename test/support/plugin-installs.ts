import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import semver from 'semver';
import type { BareHost } from './bare-host.ts';
import { scratchFolder } from './scratch.ts';

/** A release that Helm installs the plugin from. */
export interface PluginRelease {
  readonly version: string;
  /** The archive of this machine's platform; with its provenance file, `ARCHIVE.prov`, beside it. */
  readonly archive: string;
  /** The archive, unpacked. */
  readonly plugin: string;
  /** Public keyring of the provenance file. */
  readonly keyring: string;
  /** Address of the archive; that of the provenance file ends with `.prov`. */
  readonly url: string;
  /** `HOST/REPOSITORY:TAG` of the plugin's artifact in a registry without TLS. */
  readonly reference: string;
}

/** A way to install the plugin. */
export interface InstallWay {
  readonly name: string;
  /** What this Helm prints because it cannot install the plugin in this way, a bug of it; undefined if it can. */
  readonly refusal?: string | undefined;
  /** Runs `helm plugin install`. @throws Error if it fails */
  install(host: BareHost, helm: string): Promise<unknown>;
}

/** These take no layer of more than 32 MiB from a registry, and the archive is larger: https://github.com/helm/helm/issues/32247. */
const WITH_SMALL_LAYERS = '>=4.2.1 <=4.2.4';

/** Returns every way in which a version of Helm takes the plugin. */
export function installWays(helmVersion: string, release: PluginRelease): readonly InstallWay[] {
  const { archive, plugin, keyring, url, reference } = release;
  const way = (name: string, source: string, ...flags: readonly string[]): InstallWay => ({
    name,
    install: (host, helm) => host.ok(helm, 'plugin', 'install', source, ...flags),
  });
  if (helmVersion.startsWith('3.')) return [way('the unpacked folder', plugin), way('a URL', url)];
  const oci = `oci://${reference}`;
  const refusal = semver.satisfies(helmVersion, WITH_SMALL_LAYERS) ? 'invalid descriptor size' : undefined;
  return [
    way('the unpacked folder', plugin),
    way('a URL, unverified', url, '--verify=false'),
    way('a URL with its provenance file', url, '--keyring', keyring),
    way('a file, unverified', archive, '--verify=false'),
    way('a file with its provenance file', archive, '--keyring', keyring),
    { refusal, ...way('a registry, unverified', oci, '--plain-http', '--verify=false') },
    { refusal, ...way('a registry with the provenance file', oci, '--plain-http', '--keyring', keyring) },
  ];
}

/** Copies the archives of a release's artifact layout to a registry. @returns repository and tag of a platform there */
export async function pushPluginArtifact(layout: string, host: string, tag: string): Promise<string> {
  const reference = `${host}/plugins/airgap:${tag}`;
  await execa('skopeo', [
    '--insecure-policy',
    'copy',
    '--quiet',
    '--dest-tls-verify=false',
    `oci-archive:${layout}:airgap:${tag}`,
    `docker://${reference}`,
  ]);
  return reference;
}

interface HelmRun {
  readonly code: number;
  readonly stderr: string;
}

/** Has Helm 4 install an archive in which one byte differs, with the provenance file of the good one. */
export async function installTampered(
  host: BareHost,
  helm: string,
  { archive, keyring }: PluginRelease,
): Promise<{ readonly signed: HelmRun; readonly unsigned: HelmRun }> {
  const folder = scratchFolder();
  const bytes = readFileSync(archive);
  // The time in the header of gzip: it can be unpacked as before, so that only the signature can refuse it.
  bytes[4] = (bytes[4] as number) ^ 1;
  const file = join(folder, basename(archive));
  writeFileSync(file, bytes);
  writeFileSync(`${file}.prov`, readFileSync(`${archive}.prov`));
  const signed = await host.run(helm, 'plugin', 'install', file, '--keyring', keyring);
  const unsigned = await host.run(helm, 'plugin', 'install', file, '--verify=false');
  rmSync(folder, { recursive: true });
  return { signed, unsigned };
}
