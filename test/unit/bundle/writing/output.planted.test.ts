import { linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { planLayout } from '../../../../src/bundle/format/layout.ts';
import { planOutput } from '../../../../src/bundle/writing/output.ts';
import { PartialFile } from '../../../../src/bundle/writing/partial-file.ts';
import { runPreflight } from '../../../../src/bundle/writing/preflight.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { BlobNode, Content } from '../../../../src/oci/graph.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let folder: string;
let path: string;
let victim: string;
beforeEach(() => {
  folder = scratchFolder();
  path = join(folder, 'two.tar');
  victim = join(folder, 'victim');
  writeFileSync(victim, 'mine');
});

const bytes = noise('layer', 40_000);
const node = {
  descriptor: { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length },
  repositories: [],
} as unknown as BlobNode;

/** Plans a bundle of one layer; another first file makes another plan. */
function layoutOf(front: string) {
  const content: Content = { manifests: new Map(), blobs: new Map([[node.descriptor.digest, node]]) };
  return planLayout([{ name: 'oci-layout', bytes: Buffer.from(front) }], content);
}

const open = async (front = 'a', splitSize?: number) => {
  const layout = layoutOf(front);
  const output = planOutput(path, layout.size, splitSize);
  return PartialFile.open(output, layout, await runPreflight(output, layout));
};

/** Leaves a partial file that contains its layer, as an interrupted run does. */
async function interrupted(front = 'a', splitSize?: number): Promise<void> {
  const partial = await open(front, splitSize);
  const entry = layoutOf(front).entries.find(({ digest }) => digest === node.descriptor.digest);
  partial.file.writeSync(bytes, entry?.offset ?? 0);
  await partial.checkpoint(node.descriptor.digest, bytes.length);
  await partial.abandon();
}

const names = [
  'two.tar.partial',
  'two.tar.partial.journal',
  'two.tar.partial.old',
  'two.tar.partial.old.journal',
] as const;

describe.each(names)('a foreign file under %s', (name) => {
  it.each([
    ['a link', (path: string) => symlinkSync(victim, path)],
    ['a hard link', (path: string) => linkSync(victim, path)],
    ['a folder', (path: string) => mkdirSync(path)],
  ])('is refused before anything is written: %s', async (_, plant) => {
    plant(join(folder, name));
    await expect(open()).rejects.toMatchObject({ code: 'file' });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual([name, 'victim']);
  });

  it('is refused, and the files of another plan are kept', async () => {
    await interrupted('another');
    const existing = join(folder, name);
    if (lstatSync(existing, { throwIfNoEntry: false }) !== undefined) await rename(existing, `${victim}-bundle`);
    const before = readdirSync(folder);
    symlinkSync(before.includes('victim-bundle') ? `${victim}-bundle` : victim, existing);
    const content = before.map((file) => readFileSync(join(folder, file)));
    await expect(open()).rejects.toMatchObject({ code: 'file' });
    expect(before.map((file) => readFileSync(join(folder, file)))).toEqual(content);
  });
});

describe('parts', () => {
  it.each(['two.tar.partial.002', 'two.tar.partial.old.001', 'two.tar.partial.parts.json'])(
    'of others are refused: %s',
    async (name) => {
      symlinkSync(victim, join(folder, name));
      await expect(open('a', 20_480)).rejects.toMatchObject({ code: 'file' });
      expect(readFileSync(victim, 'utf8')).toBe('mine');
    },
  );

  it('with their final names are resumed from, unless they are links', async () => {
    await interrupted('a', 20_480);
    const [first, moved] = [join(folder, 'two.tar.001'), join(folder, 'moved')];
    await rename(join(folder, 'two.tar.partial.001'), moved);
    symlinkSync(moved, first);
    await expect(open('a', 20_480)).rejects.toMatchObject({ code: 'file' });
    await rename(moved, first);
    const partial = await open('a', 20_480);
    expect(partial.writtenBytes(node.descriptor.digest)).toBe(bytes.length);
    await partial.finish(ignoreEvents);
  });
});

it('a run resumes from the same plan and from another plan', async () => {
  await interrupted('a');
  const same = await open('a');
  expect(same.writtenBytes(node.descriptor.digest)).toBe(bytes.length);
  await same.abandon();
  const other = await open('b');
  expect(other.writtenBytes(node.descriptor.digest)).toBe(bytes.length);
  await other.abandon();
});
