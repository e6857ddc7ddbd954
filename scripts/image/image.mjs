import { readFile } from 'node:fs/promises';
import { PackageURL } from 'packageurl-js';
import { OciLayout } from '../oci-layout.mjs';
import { bomOf, pluginComponent } from '../package/sbom.mjs';
import { baseFiles, HOME, USER, WORK } from './base.mjs';
import { debianPins } from './debian.mjs';
import { filesOf, layerOf, readTar } from './layer.mjs';

const type = (name) => `application/vnd.oci.image.${name}.v1`;
const LINK = { type: 'SymbolicLink', mode: 0o777 };

/**
 * Writes the image of the tool as an OCI image layout, and returns its bill of materials. The same archives, Helm and pinned
 * packages give the same bytes.
 * @param {object} options
 * @param {string} options.root absolute path of the checkout
 * @param {string} options.file the archive to write
 * @param {string} options.version of the plugin
 * @param {string} options.commit of `commitOf`
 * @param {string | undefined} options.source URL for the label `org.opencontainers.image.source`
 * @param {readonly { architecture: string, archive: string, helm: { program: Buffer, notice: string, components: object[] } }[]} options.platforms
 *   of Linux, with the plugin's archive
 * @param {object} options.bom bill of materials of the archives
 */
export async function writeImage({ root, file, version, commit, source, platforms, bom }) {
  const layout = new OciLayout();
  const annotations = {
    'org.opencontainers.image.title': 'helm airgap',
    'org.opencontainers.image.description': 'transfers charts and all their images to isolated networks, with Helm',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': commit,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    ...(source && { 'org.opencontainers.image.source': source }),
  };
  const manifests = [];
  for (const { architecture, archive, helm } of platforms) {
    const layers = [
      ['Debian: C library, busybox, certificate authorities', await baseFiles(root, architecture)],
      [`Helm ${helm.components[0].version}`, helmFiles(helm)],
      [`helm airgap ${version}`, await pluginFiles(archive)],
    ].map(([comment, files]) => ({ comment, ...layerOf(files) }));
    const config = {
      architecture,
      os: 'linux',
      config: {
        User: `${USER}:${USER}`,
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin', `HOME=${HOME}`, 'HELM_PLUGINS=/opt/helm/plugins'],
        Entrypoint: ['/airgap/scripts/airgap'],
        Cmd: ['--help'],
        WorkingDir: WORK,
        Labels: annotations,
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ comment }) => ({ created_by: 'npm run image', comment })),
    };
    const manifest = {
      config: layout.blob(`${type('config')}+json`, Buffer.from(JSON.stringify(config))),
      layers: layers.map(({ bytes }) => layout.blob(`${type('layer')}.tar+gzip`, bytes)),
      annotations,
    };
    manifests.push(layout.manifest(`${type('manifest')}+json`, manifest, { platform: { architecture, os: 'linux' } }));
  }
  layout.root(layout.manifest(`${type('index')}+json`, { manifests, annotations }), `helm-airgap:${version}`);
  await layout.write(file);
  return bomOfImage({ version, bom, platforms });
}

function helmFiles({ program, notice }) {
  return new Map([
    ['usr/local/bin/helm', { type: 'File', mode: 0o755, bytes: program }],
    ...filesOf({ 'usr/share/doc/helm/NOTICE': notice }),
  ]);
}

/** The unpacked plugin in /airgap, which Helm finds too, and its post-renderer. */
async function pluginFiles(archive) {
  const files = await readTar(await readFile(archive));
  return new Map([
    ...[...files].filter(([path]) => path.startsWith('airgap/')),
    ['opt/helm/plugins/airgap', { ...LINK, linkpath: '/airgap' }],
    ['opt/helm/plugins/airgap-post-render', { ...LINK, linkpath: '/airgap/post-renderer' }],
  ]);
}

/** Extends the bill of materials of the archives by the other contents of the image. */
async function bomOfImage({ version, bom, platforms }) {
  const { release, codename, packages } = await debianPins();
  const system = {
    type: 'operating-system',
    'bom-ref': 'debian',
    name: 'debian',
    version: release,
    description: `packages of Debian ${codename}, without its package manager`,
  };
  const debian = platforms.flatMap(({ architecture }) =>
    Object.entries(packages).map(([name, pin]) => debianComponent(name, pin, architecture, codename)),
  );
  const helm = platforms.flatMap(({ helm }) => helm.components);
  const plugin = pluginComponent(version);
  const archives = new Set(platforms.map(({ archive }) => archive.slice(archive.lastIndexOf('/') + 1)));
  const ofArchives = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const needed = new Set([...archives].flatMap((name) => [name, ...ofArchives.get(name)]));
  return bomOf({
    component: { ...plugin, type: 'container', 'bom-ref': 'image', name: 'helm-airgap image' },
    components: [
      system,
      ...debian,
      ...helm,
      plugin,
      ...bom.components.filter((component) => needed.has(component['bom-ref'])),
    ],
    dependencies: new Map([
      [
        'image',
        ['debian', plugin['bom-ref'], ...platforms.map(({ helm: { components } }) => components[0]['bom-ref'])],
      ],
      ['debian', debian.map((component) => component['bom-ref'])],
      [plugin['bom-ref'], [...archives]],
      ...[...archives].map((name) => [name, ofArchives.get(name)]),
      ...platforms.map(({ helm: { components } }) => {
        const [own, ...modules] = components.map((component) => component['bom-ref']);
        return [own, modules];
      }),
    ]),
  });
}

function debianComponent(name, { version, licence, sha256 }, architecture, codename) {
  const qualifiers = { arch: sha256.all === undefined ? architecture : 'all', distro: codename };
  const purl = new PackageURL('deb', 'debian', name, version, qualifiers).toString();
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    licenses: [{ license: { name: `${licence}: see /usr/share/doc/${name}/copyright` } }],
    purl,
  };
}
