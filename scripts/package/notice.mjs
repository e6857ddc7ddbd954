import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { platforms } from './platforms.mjs';

const LINE = '='.repeat(78);

/**
 * Returns the text of NOTICE: the licences and notices of all npm packages whose code is in the program, and Node's.
 * @param {object} options absolute paths
 * @param {string} options.root the checkout
 * @param {string} options.dist output of scripts/build.mjs
 * @param {string} options.node folder with Node's `LICENSE`
 * @param {string} options.platform key of `platforms`
 * @throws Error for a package without a licence
 */
export async function noticeOf({ root, dist, node, platform }) {
  const folders = JSON.parse(await readFile(join(dist, 'packages.json'), 'utf8'));
  const sections = [];
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const texts = await licenceTexts(join(root, folder));
    if (texts.length === 0 && typeof license !== 'string') throw new Error(`${name} ${version} has no licence`);
    sections.push([`${name} ${version} (${license})`, ...texts].join('\n\n'));
  }
  const legal = (await readdir(dist)).filter((name) => name.endsWith('.LEGAL.txt')).sort();
  const comments = await Promise.all(legal.map((name) => readFile(join(dist, name), 'utf8')));
  sections.push(['Licence comments of their sources', ...new Set(comments.map((text) => text.trim()))].join('\n\n'));
  const { version } = platforms[platform].node;
  sections.push(`Node.js ${version}\n\n${(await readFile(join(node, 'LICENSE'), 'utf8')).trim()}`);
  return `helm airgap contains software of others, under these licences.\n\n${sections
    .map((section) => `${LINE}\n${section}\n`)
    .join('\n')}`;
}

/** Returns the texts of the licence and notice files of a package. */
async function licenceTexts(folder) {
  const names = (await readdir(folder)).filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name)).sort();
  return Promise.all(names.map(async (name) => (await readFile(join(folder, name), 'utf8')).trim()));
}
