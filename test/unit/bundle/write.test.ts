import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dockerSaveFile } from '../../../src/bundle/format/docker-save.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { chart, graphOf, NAMES, registry, write } from '../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe('writeBundle', () => {
  it('writes the same bytes whatever the order of references and the concurrency', async () => {
    const dir = scratchFolder();
    const source = registry();
    await write(join(dir, 'one'), source, { concurrency: 1 });
    const graph = await graphOf(source, [...NAMES].reverse());
    await write(join(dir, 'two'), source, { concurrency: 16, graph });
    expect(digestOf(await readFile(join(dir, 'two')))).toBe(digestOf(await readFile(join(dir, 'one'))));
  });

  it('writes a plain tar without links or times, metadata first and blobs by digest', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'bundle.tar');
    await write(path, registry());
    const names = execFileSync('tar', ['-tf', path], { encoding: 'utf8' }).trim().split('\n');
    expect(names.slice(0, 3)).toEqual(['oci-layout', 'index.json', 'manifest.json']);
    expect(names.slice(3)).toEqual([...names.slice(3)].sort());
    const listing = execFileSync('tar', ['--utc', '--numeric-owner', '-tvf', path], { encoding: 'utf8' });
    for (const line of listing.trim().split('\n')) expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 /);
    execFileSync('tar', ['-xf', path, '-C', dir]);
    for (const name of names.slice(3)) {
      expect(digestOf(await readFile(join(dir, name)))).toBe(name.replace('blobs/', '').replace('/', ':'));
    }
  });

  it('lists images under their full names, then charts and the inventory', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'bundle.tar');
    await write(path, registry());
    const index = JSON.parse(execFileSync('tar', ['-xOf', path, 'index.json'], { encoding: 'utf8' }));
    const names = index.manifests.map((m: { annotations: Record<string, string> }) => [
      m.annotations['org.opencontainers.image.ref.name'],
      m.annotations['io.containerd.image.name'],
    ]);
    expect(names).toEqual([
      ['docker.io/library/b:2', 'docker.io/library/b:2'],
      ['quay.io/a:1', 'quay.io/a:1'],
      ['quay.io/multi:3', 'quay.io/multi:3'],
      ['charts/demo:1.2.3_b', undefined],
      ['airgap/lock:v1', undefined],
    ]);
  });

  it('lists one platform of each image for docker load', async () => {
    const path = join(scratchFolder(), 'b');
    const source = registry();
    const arm = digestOf(noise('arm', 512)).replace(':', '/');
    await write(path, source);
    const written = execFileSync('tar', ['-xOf', path, 'manifest.json']);
    const other = dockerSaveFile(await graphOf(source), { os: 'linux', architecture: 'arm64' });
    for (const [file, isArm] of [
      [written, false],
      [other, true],
    ] as const) {
      const images = JSON.parse(Buffer.from(file).toString('utf8'));
      expect(images.map(({ RepoTags }: { RepoTags: string[] }) => RepoTags[0])).toEqual([
        'docker.io/library/b:2',
        'quay.io/a:1',
        'quay.io/multi:3',
      ]);
      expect(images[2].Layers.includes(`blobs/${arm}`)).toBe(isArm);
    }
  });

  it('fetches each blob once and leaves only the bundle', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    const result = await write(join(dir, 'b'), source, { graph });
    const bytes = [...graph.blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(result).toMatchObject({ status: 'written', fetched: bytes, resumed: 0 });
    expect(source.read).toBe(bytes);
    expect(await readdir(dir)).toEqual(['b']);
    expect((await stat(join(dir, 'b'))).size).toBe(result.size);
  });

  it('does not rewrite an identical bundle', async () => {
    const dir = scratchFolder();
    const source = registry();
    const first = await write(join(dir, 'b'), source);
    const { mtimeMs } = await stat(join(dir, 'b'));
    source.read = 0;
    expect(await write(join(dir, 'b'), source)).toEqual({ ...first, status: 'up-to-date', fetched: 0, resumed: 0 });
    expect(source.read).toBe(0);
    expect((await stat(join(dir, 'b'))).mtimeMs).toBe(mtimeMs);
  });

  it('replaces another file only with force', async () => {
    const dir = scratchFolder();
    const source = registry();
    await writeFile(join(dir, 'b'), 'precious');
    await expect(write(join(dir, 'b'), source)).rejects.toMatchObject({ code: 'output-exists' });
    expect(await readFile(join(dir, 'b'), 'utf8')).toBe('precious');
    expect(await write(join(dir, 'b'), source, { force: true })).toMatchObject({ status: 'written' });
  });

  it('does not treat a truncated bundle as identical', async () => {
    const dir = scratchFolder();
    const source = registry();
    const { size } = await write(join(dir, 'b'), source);
    await truncate(join(dir, 'b'), size - 512);
    await expect(write(join(dir, 'b'), source)).rejects.toMatchObject({ code: 'output-exists' });
  });

  it('leaves no files when every blob has a wrong digest', async () => {
    const dir = scratchFolder();
    const source = new MemoryRegistry();
    const layer = noise('x', 5000);
    source.addImage('quay.io/a', '1', [layer]);
    const graph = await graphOf(source, ['quay.io/a:1']);
    for (const key of source.blobs.keys()) source.blobs.set(key, noise('evil', source.blobs.get(key)?.length ?? 0));
    const error = await write(join(dir, 'b'), source, { graph, charts: [] }).catch((e) => e);
    expect(error.code).toBe('several');
    expect(error.causes.map(({ code }: { code: string }) => code)).toEqual(['digest-mismatch', 'digest-mismatch']);
    expect(error.causes[0].message).toContain('quay.io/a:1: ');
    expect(await readdir(dir)).toEqual([]);
  });

  it('reports every failed blob and keeps the others for the next run', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    const lost = [noise('a', 5000), noise('b', 511)].map((layer) => digestOf(layer));
    const saved = new Map(source.blobs);
    for (const digest of lost) {
      for (const key of saved.keys()) if (key.endsWith(digest)) source.blobs.delete(key);
    }
    const error = await write(join(dir, 'b'), source, { graph }).catch((e) => e);
    expect(error.causes).toHaveLength(2);
    expect((await readdir(dir)).sort()).toEqual(['b.partial', 'b.partial.journal']);
    for (const [key, bytes] of saved) source.blobs.set(key, bytes);
    source.read = 0;
    expect(await write(join(dir, 'b'), source, { graph })).toMatchObject({ status: 'written', fetched: 5511 });
    expect(source.read).toBe(5511);
    expect(await readdir(dir)).toEqual(['b']);
  });

  it('resumes after an interruption, even within a blob, with the same bytes', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    await write(join(dir, 'whole'), source, { graph });
    const stop = new AbortController();
    source.onChunk = (digest, offset) => {
      if (digest === digestOf(noise('base', 30_000)) && offset >= 20_000) stop.abort();
    };
    const interrupted = write(join(dir, 'b'), source, { graph, concurrency: 1, signal: stop.signal });
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
    expect(existsSync(join(dir, 'b'))).toBe(false);
    source.onChunk = () => {};
    source.read = 0;
    const result = await write(join(dir, 'b'), source, { graph });
    const all = [...graph.blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(result.fetched + result.resumed).toBe(all);
    expect(result.resumed).toBeGreaterThan(15_000);
    expect(source.read).toBe(result.fetched);
    expect(digestOf(await readFile(join(dir, 'b')))).toBe(digestOf(await readFile(join(dir, 'whole'))));
  });

  it('fetches damaged bytes of an interrupted run again', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    await write(join(dir, 'whole'), source, { graph });
    const missing = digestOf(noise('a', 5000));
    const kept = source.blobs.get(`quay.io/a@${missing}`) as Uint8Array;
    source.blobs.delete(`quay.io/a@${missing}`);
    await expect(write(join(dir, 'b'), source, { graph })).rejects.toMatchObject({ code: 'image-not-found' });
    const { size } = await stat(join(dir, 'b.partial'));
    await writeFile(join(dir, 'b.partial'), Buffer.alloc(size, 7));
    source.blobs.set(`quay.io/a@${missing}`, kept);
    await write(join(dir, 'b'), source, { graph });
    expect(digestOf(await readFile(join(dir, 'b')))).toBe(digestOf(await readFile(join(dir, 'whole'))));
  });

  it('reports the needed and the free space', async () => {
    const dir = scratchFolder();
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('x', 10)]);
    const graph = await graphOf(source, ['quay.io/a:1']);
    const size = 2 ** 52;
    const huge = new Map(
      [...graph.blobs].map(([digest, node]) => [digest, { ...node, descriptor: { ...node.descriptor, size } }]),
    );
    const error = await write(join(dir, 'b'), source, { graph: { ...graph, blobs: huge }, charts: [] }).catch((e) => e);
    expect(error.code).toBe('no-space');
    expect(error.message).toMatch(/\d{16} bytes.* \d{6,}/);
    expect(await readdir(dir)).toEqual([]);
  });

  it('refuses one name with two digests', async () => {
    const dir = scratchFolder();
    const source = registry();
    const graph = await graphOf(source);
    const [first, second] = graph.roots;
    const roots = [first, { ...second, reference: first?.reference }] as typeof graph.roots;
    const writing = write(join(dir, 'b'), source, { graph: { ...graph, roots }, charts: [chart] });
    await expect(writing).rejects.toMatchObject({ code: 'collision' });
  });

  it('reports a folder that does not exist', async () => {
    const writing = write(join(scratchFolder(), 'no', 'such', 'b'), registry());
    await expect(writing).rejects.toMatchObject({ code: 'file' });
  });
});
