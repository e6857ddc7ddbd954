import { createHash } from 'node:crypto';
import { PackageURL } from 'packageurl-js';
import { bundledPackages } from './notice.mjs';
import { platforms } from './platforms.mjs';

/**
 * Returns the bill of materials of archives: CycloneDX 1.6 JSON (ECMA-424). Each archive depends on the npm packages whose code is
 * in the program, and on its Node.js. It has no time, so that the same commit gives the same document.
 * @param {object} options
 * @param {string} options.root absolute path of the checkout
 * @param {string} options.dist output of scripts/build.mjs
 * @param {string} options.version of the plugin
 * @param {readonly { name: string, platform: string, sha256: string }[]} options.subjects the archives
 */
export async function sbomOf({ root, dist, version, subjects }) {
  const packages = (await bundledPackages(root, dist)).map(npmComponent);
  const nodes = subjects.map(({ platform }) => nodeComponent(platforms[platform]));
  const archives = subjects.map(({ name, sha256 }) => ({
    type: 'file',
    'bom-ref': name,
    name,
    version,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
  }));
  return bomOf({
    component: pluginComponent(version),
    components: [...archives, ...nodes, ...packages],
    dependencies: new Map([
      ['helm-airgap', archives.map((archive) => archive['bom-ref'])],
      ...archives.map((archive, i) => [
        archive['bom-ref'],
        [nodes[i]['bom-ref'], ...packages.map((component) => component['bom-ref'])],
      ]),
    ]),
  });
}

/**
 * Returns a CycloneDX document. Its serial number is derived from its content.
 * @param {object} options
 * @param {object} options.component what the document is about
 * @param {readonly object[]} options.components equal ones may repeat
 * @param {ReadonlyMap<string, readonly string[]>} options.dependencies by `bom-ref`
 */
export function bomOf({ component, components, dependencies }) {
  const unique = new Map(components.map((one) => [one['bom-ref'], one]));
  const refs = [component['bom-ref'], ...unique.keys()].sort();
  const content = {
    metadata: { component },
    components: [...unique.keys()].sort().map((ref) => unique.get(ref)),
    dependencies: refs.map((ref) => ({ ref, dependsOn: [...new Set(dependencies.get(ref))].sort() })),
  };
  const hex = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  // A UUID of version 8: made of a hash (RFC 9562, 5.8).
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1, ...content };
}

/** Returns the component of the plugin itself. */
export function pluginComponent(version) {
  return {
    type: 'application',
    'bom-ref': 'helm-airgap',
    name: 'helm-airgap',
    version,
    licenses: [{ license: { id: 'Apache-2.0' } }],
  };
}

function npmComponent({ name, version, license }) {
  const purl = npmUrl(name, version);
  // An SPDX identifier or expression.
  const licence = /[\s(]/.test(license) ? { expression: license } : { license: { id: license } };
  return { type: 'library', 'bom-ref': purl, name, version, licenses: [licence], purl };
}

/** Returns the component of the Node.js in an archive. */
function nodeComponent({ node: { name, version }, integrity }) {
  const purl = npmUrl(name, version);
  return {
    type: 'application',
    'bom-ref': purl,
    name,
    version,
    description: 'Node.js',
    hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity, 'base64').toString('hex') }],
    licenses: [{ license: { name: 'MIT, and the licences of its parts: see NOTICE' } }],
    purl,
  };
}

function npmUrl(fullName, version) {
  const [name, scope] = fullName.split('/').reverse();
  return new PackageURL('npm', scope, name, version).toString();
}
