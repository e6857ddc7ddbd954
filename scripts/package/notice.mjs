import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { platforms } from './platforms.mjs';

/** Separates the sections of a notice. */
export const LINE = '='.repeat(78);

/**
 * Returns the npm packages whose code is in the program, in the order of their folders.
 * @param {string} root absolute path of the checkout
 * @param {string} dist output of scripts/build.mjs
 * @returns {Promise<{ folder: string, name: string, version: string, license: string }[]>}
 */
export async function bundledPackages(root, dist) {
  const folders = JSON.parse(await readFile(join(dist, 'packages.json'), 'utf8'));
  return Promise.all(
    folders.map(async (path) => {
      const folder = join(root, path);
      const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      return { folder, name, version, license };
    }),
  );
}

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
  const sections = [];
  for (const { folder, name, version, license } of await bundledPackages(root, dist)) {
    const texts = await licenceTexts(folder);
    if (texts.length === 0 && typeof license !== 'string') throw new Error(`${name} ${version} has no licence`);
    sections.push([`${name} ${version} (${license})`, ...texts].join('\n\n'));
  }
  const legal = (await readdir(dist)).filter((name) => name.endsWith('.LEGAL.txt')).sort();
  const comments = await Promise.all(legal.map((name) => readFile(join(dist, name), 'utf8')));
  sections.push(['Licence comments of their sources', ...new Set(comments.map((text) => text.trim()))].join('\n\n'));
  const { version } = platforms[platform].node;
  sections.push(`Node.js ${version}\n\n${(await readFile(join(node, 'LICENSE'), 'utf8')).trim()}`);
  return noticeText('helm airgap contains software of others, under these licences.', sections);
}

/** Returns a notice of sections under a sentence. */
export function noticeText(sentence, sections) {
  return `${sentence}\n\n${sections.map((section) => `${LINE}\n${section}\n`).join('\n')}`;
}

/** Returns the texts of the licence and notice files of a folder. */
export async function licenceTexts(folder) {
  const names = (await readdir(folder)).filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name)).sort();
  return Promise.all(names.map(async (name) => (await readFile(join(folder, name), 'utf8')).trim()));
}
