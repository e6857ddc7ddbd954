import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OciLayout } from '../oci-layout.mjs';
import { archivesOf } from './prov.mjs';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/**
 * Writes the plugin as OCI artifacts that Helm 4 installs, in an OCI image layout: one for each platform, with the tag
 * VERSION-OS-ARCH, because Helm knows no platforms there. Helm takes layers of the type of image layers only, also for the
 * provenance file, and finds them by their titles.
 */
export async function writeArtifact({ packages, version }) {
  const layout = new OciLayout();
  for (const archive of await archivesOf(packages, version)) {
    const layer = async (name, title) =>
      layout.blob(LAYER, await readFile(join(packages, name)), { 'org.opencontainers.image.title': title });
    const manifest = {
      artifactType: 'application/vnd.helm.plugin.v1+json',
      config: layout.blob('application/vnd.oci.empty.v1+json', Buffer.from('{}')),
      layers: [
        await layer(archive, `airgap-${version}.tgz`),
        await layer(`${archive}.prov`, `airgap-${version}.tgz.prov`),
      ],
    };
    const platform = archive.slice(`airgap-${version}-`.length, -'.tgz'.length);
    layout.root(
      layout.manifest('application/vnd.oci.image.manifest.v1+json', manifest),
      `airgap:${version}-${platform}`,
    );
  }
  await layout.write(join(packages, `airgap-${version}-plugin.oci.tar`));
}
