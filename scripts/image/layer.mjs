import { gzipSync } from 'node:zlib';
import { Header, Parser, Pax } from 'tar';
import { TAR_BLOCK } from '../../src/base/tar-header.ts';
import { digestOf } from '../oci-layout.mjs';

/**
 * A file of a layer, by its path without a leading slash.
 * @typedef {{ type: 'File', mode: number, bytes: Buffer } | { type: 'Directory', mode: number }
 *   | { type: 'SymbolicLink', mode: number, linkpath: string }} Entry
 */

/**
 * Reads a tar archive, also a compressed one.
 * @param {Buffer} archive
 * @returns {Promise<Map<string, Entry>>} by path
 * @throws Error for devices and hard links
 */
export async function readTar(archive) {
  const entries = new Map();
  await new Promise((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        const path = entry.path.replace(/^\.\/|\/$/g, '');
        const { type, mode, linkpath } = entry;
        const chunks = [];
        entry.on('data', (chunk) => chunks.push(chunk));
        entry.on('end', () => {
          if (path === '' || path === '.') return;
          if (type === 'File') entries.set(path, { type, mode, bytes: Buffer.concat(chunks) });
          else if (type === 'Directory') entries.set(path, { type, mode });
          else if (type === 'SymbolicLink') entries.set(path, { type, mode: 0o777, linkpath });
          else reject(new Error(`${path} is a ${type}, which layers do not take`));
        });
      },
    });
    parser.on('end', resolve);
    parser.on('error', reject);
    parser.end(archive);
  });
  return entries;
}

/** Returns entries of regular files, in folders that all may read. */
export function filesOf(contents, mode = 0o644) {
  return new Map(
    Object.entries(contents).map(([path, text]) => [path, { type: 'File', mode, bytes: Buffer.from(text) }]),
  );
}

/**
 * Returns a layer, compressed: owned by root, without times, sorted, with all parent folders. The same entries give the same bytes.
 * @param {ReadonlyMap<string, Entry>} entries
 */
export function layerOf(entries) {
  const all = new Map(entries);
  for (const path of entries.keys()) {
    const names = path.split('/');
    for (let length = 1; length < names.length; length++) {
      const parent = names.slice(0, length).join('/');
      if (!all.has(parent)) all.set(parent, { type: 'Directory', mode: 0o755 });
    }
  }
  const blocks = [];
  for (const [path, entry] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const size = entry.bytes?.length ?? 0;
    blocks.push(headerOf(entry.type === 'Directory' ? `${path}/` : path, entry, size));
    if (size > 0) blocks.push(entry.bytes, Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK));
  }
  const tar = Buffer.concat([...blocks, Buffer.alloc(2 * TAR_BLOCK)]);
  return { diffId: digestOf(tar), bytes: gzipSync(tar, { level: 6 }) };
}

function headerOf(path, { type, mode, linkpath }, size) {
  const header = new Header({ path, type, mode: mode & 0o7777, linkpath, size, uid: 0, gid: 0, mtime: new Date(0) });
  const block = Buffer.alloc(TAR_BLOCK);
  // Names that are long or not ASCII need a pax header (POSIX.1-2001).
  return header.encode(block) ? Buffer.concat([new Pax({ path, linkpath }).encode(), block]) : block;
}
