/** Checks of the archives that run none of their code. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isValidBom } from '../../test/support/bom-schema.ts';
import { readTar } from '../image/layer.mjs';
import { LINE } from '../package/notice.mjs';
import { platforms } from '../package/platforms.mjs';

/** Most bytes of an archive. */
const LIMIT = 60e6;

/** Licences of npm packages that may be in the program: they allow all use, if their text comes with it. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

export async function checkSize(archive) {
  const { size } = await stat(archive);
  assert(size <= LIMIT, `it has ${megabytes(size)}, more than ${megabytes(LIMIT)}`);
  return megabytes(size);
}

/** Checks that NOTICE has each package of the bill of materials under an allowed licence, with its text, and Node's. */
export async function checkLicences(archive, bom, platform) {
  const files = await readTar(await readFile(archive));
  for (const name of ['airgap/LICENSE', 'airgap/NOTICE']) assert(files.has(name), `${name} is missing`);
  const sections = files.get('airgap/NOTICE').bytes.toString('utf8').split(`${LINE}\n`).slice(1);
  const texts = new Map();
  for (const section of sections) {
    const [, name, version, licence, text] = /^(\S+) (\S+) \(([^\n]+)\)\n([\s\S]*)$/.exec(section) ?? [];
    if (name !== undefined) texts.set(`${name}@${version}`, { licence, text: text.trim() });
  }
  const packages = bom.components.filter(({ type }) => type === 'library');
  for (const { name, version, licenses } of packages) {
    const { licence, text } = texts.get(`${name}@${version}`) ?? {};
    assert(licence !== undefined, `NOTICE does not name ${name} ${version}`);
    assert(
      licenses[0].license?.id === licence,
      `NOTICE gives ${name} the licence ${licence}, the bill of materials another`,
    );
    assert(ALLOWED.has(licence), `${name} ${version} has the licence ${licence}, which is not allowed`);
    // Packages of one publisher leave the text to a sister package.
    const isElsewhere = [...texts].some(
      ([other, { licence: same, text }]) =>
        same === licence && text !== '' && other.split('/')[0] === name.split('/')[0],
    );
    assert(text !== '' || isElsewhere, `NOTICE has no text of the licence of ${name} ${version}`);
  }
  assert(
    texts.size === packages.length,
    `NOTICE names ${texts.size} packages, the bill of materials ${packages.length}`,
  );
  const node = sections.find((section) => section.startsWith(`Node.js ${platforms[platform].node.version}\n`));
  assert(node?.includes('Permission is hereby granted'), "NOTICE has not the licence of the archive's Node.js");
  return `${packages.length} packages and Node.js`;
}

/** Checks a bill of materials against CycloneDX's schema. */
export async function checkSchema(file) {
  const bom = JSON.parse(await readFile(file, 'utf8'));
  assert(isValidBom(bom), JSON.stringify(isValidBom.errors?.slice(0, 3)));
  return `${bom.components.length} components`;
}

/** Checks that the bill of materials and the provenance have the digests of SHA256SUMS. */
export async function checkDigests(folder, bom) {
  const lines = (await readFile(join(folder, 'SHA256SUMS'), 'utf8')).trim().split('\n');
  const archives = lines.map((line) => line.split('  ')).filter(([, name]) => name.endsWith('.tgz'));
  const { subject } = JSON.parse(await readFile(join(folder, 'provenance.json'), 'utf8'));
  for (const [sha256, name] of archives) {
    const component = bom.components.find((one) => one.name === name);
    assert(component?.hashes[0].content === sha256, `the bill of materials has not the SHA-256 of ${name}`);
    assert(
      subject.find((one) => one.name === name)?.digest.sha256 === sha256,
      `the provenance has not the SHA-256 of ${name}`,
    );
  }
  return `${archives.length} archives`;
}
