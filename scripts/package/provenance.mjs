import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { platforms } from './platforms.mjs';

/** Where the project is, for identifiers that only have to be unique; nothing is fetched from there. */
const PROJECT = 'https://helm-airgap.invalid';

/**
 * Returns the provenance of archives: an in-toto statement with a SLSA provenance predicate, version 1, unsigned. It has no
 * time and no name of this machine, so that the same commit gives the same statement.
 * @see https://slsa.dev/spec/v1.0/provenance
 * @param {object} options
 * @param {string} options.root absolute path of the checkout
 * @param {string} options.commit of `commitOf`
 * @param {string} options.version of the plugin
 * @param {readonly { name: string, platform: string, sha256: string }[]} options.subjects the archives
 */
export async function provenanceOf({ root, commit, version, subjects }) {
  const lock = await readFile(join(root, 'package-lock.json'));
  const isCommit = /^[0-9a-f]+$/.test(commit);
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `${PROJECT}/package/v1`,
        externalParameters: { version, commit, platforms: subjects.map(({ platform }) => platform) },
        internalParameters: {
          node: process.versions.node,
          platform: `${process.platform}-${process.arch}`,
          notTried: subjects.map(({ platform }) => platform).filter((platform) => !platforms[platform].isTried),
        },
        resolvedDependencies: [
          { name: 'source', ...(isCommit ? { digest: { gitCommit: commit } } : { annotations: { commit } }) },
          { name: 'package-lock.json', digest: { sha256: createHash('sha256').update(lock).digest('hex') } },
          ...subjects.map(({ platform }) => nodeOf(platforms[platform])),
        ],
      },
      runDetails: { builder: { id: `${PROJECT}/scripts/package.mjs` } },
    },
  };
}

function nodeOf({ node: { name, version }, integrity, program }) {
  return {
    uri: `pkg:npm/${name}@${version}`,
    digest: { sha512: Buffer.from(integrity, 'base64').toString('hex') },
    annotations: { 'bin/node': `sha256:${program}` },
  };
}
