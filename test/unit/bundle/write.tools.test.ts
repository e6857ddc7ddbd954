import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openCheckedBundle } from '../../../src/bundle/open.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { type BundleProblem, verifyBundle } from '../../../src/bundle/verify.ts';
import { planBundle, type WriteOptions, type WriteResult } from '../../../src/bundle/write.ts';
import { EarlierBundles } from '../../../src/bundle/writing/earlier-bundles.ts';
import type { ToolFile } from '../../../src/bundle/writing/tool-files.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Graph } from '../../../src/oci/graph.ts';
import { estimate } from '../../../src/workflows/bundle/estimate.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../support/bundles.ts';
import type { MemoryRegistry } from '../../support/memory-registry.ts';
import { readFiles, repack } from '../../support/repacked.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { toolFiles, withTools } from '../../support/tools.ts';

async function writeWith(
  path: string,
  tools: readonly ToolFile[],
  options: Partial<WriteOptions> = {},
  source: MemoryRegistry = registry(),
): Promise<WriteResult> {
  const graph = options.graph ?? (await graphOf(source));
  return write(path, source, { graph, tools, inventory: withTools(inventoryOf(graph, [chart]), tools), ...options });
}

async function problemsOf(path: string): Promise<BundleProblem[]> {
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, { emit: ignoreEvents });
  } finally {
    await bundle.close();
  }
}

const messagesOf = async (path: string): Promise<string[]> => (await problemsOf(path)).map(({ message }) => message);

const opened = (path: string) => openCheckedBundle(path).then((bundle) => bundle.close());

/** A bundle with tools, `b`, and the files of the tools. */
async function written(options: Partial<WriteOptions> = {}) {
  const dir = scratchFolder();
  const tools = toolFiles(dir);
  const path = join(dir, 'b');
  const result = await writeWith(path, tools, options);
  return { dir, tools, path, result };
}

/** Flips a bit of a file. */
async function flip(path: string, i: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[i] = (bytes[i] as number) ^ 1;
  await writeFile(path, bytes);
}

describe('a bundle with tools', () => {
  it('gives them to tar, with their modes and with sums that sha256sum accepts', async () => {
    const { dir, path, tools } = await written();
    const out = join(dir, 'out');
    mkdirSync(out);
    execFileSync('tar', ['xf', path, '-C', out, 'tools/']);
    for (const { name, path: file, executable } of tools) {
      const extracted = join(out, 'tools', name);
      expect(readFileSync(extracted).equals(readFileSync(file))).toBe(true);
      expect(statSync(extracted).mode & 0o111).toBe(executable ? 0o111 : 0);
    }
    // BusyBox ends with an error unless the folder has an entry.
    expect(execFileSync('tar', ['tf', path], { encoding: 'utf8' }).split('\n')).toContain('tools/');
    const checked = execFileSync('sha256sum', ['-c', 'tools/SHA256SUMS'], { cwd: out, encoding: 'utf8' });
    expect(checked.match(/: OK$/gm)).toHaveLength(tools.length);
    expect((await readdir(join(out, 'tools'))).length).toBe(tools.length + 1);
  });

  it('is complete, and has the same bytes each time, in whatever order they were given', async () => {
    const { dir, path, tools } = await written();
    expect(await problemsOf(path)).toEqual([]);
    await opened(path);
    await writeWith(join(dir, 'again'), tools.toReversed());
    expect((await readFile(join(dir, 'again'))).equals(await readFile(path))).toBe(true);
    expect((await writeWith(path, tools)).status).toBe('up-to-date');
  });

  it('without tools is the bundle that it was', async () => {
    const dir = scratchFolder();
    await write(join(dir, 'a'), registry());
    await writeWith(join(dir, 'b'), []);
    expect((await readFile(join(dir, 'b'))).equals(await readFile(join(dir, 'a')))).toBe(true);
    expect([...(await readFiles(join(dir, 'b'))).keys()].slice(0, 4)).toEqual([
      ...['oci-layout', 'index.json', 'manifest.json'],
      expect.stringMatching(/^blobs\//),
    ]);
  });

  it('counts neither among the blobs nor among what is fetched', async () => {
    const dir = scratchFolder();
    const plain = await write(join(dir, 'a'), registry());
    const { result } = await written();
    expect(result).toMatchObject({ blobs: plain.blobs, fetched: plain.fetched, reused: 0, resumed: 0 });
    const graph = await graphOf(registry());
    const tools = toolFiles(dir);
    const inventory = withTools(inventoryOf(graph, [chart]), tools);
    const plan = await planBundle({ path: join(dir, 'p'), graph, charts: [chart], inventory, tools, force: false });
    const earlier = await EarlierBundles.open([], ignoreEvents);
    expect(estimate({ plan, graph, charts: 1, earlier, quotas: [] })).toMatchObject({
      fetched: plain.fetched,
      size: result.size,
    });
  });

  it('has tools of the same content, and of the content of a layer', async () => {
    const dir = scratchFolder();
    const [first] = toolFiles(dir, { 'airgap-0.1.0-linux-amd64.tgz': 3000 }) as [ToolFile];
    const source = registry();
    source.addImage('quay.io/t', '1', [readFileSync(first.path)]);
    const graph = await graphOf(source, ['quay.io/t:1']);
    const tools = [first, { ...first, name: 'airgap-0.1.0-linux-arm64.tgz', platform: 'linux/arm64' }];
    await writeWith(join(dir, 'b'), tools, { graph }, source);
    expect(await problemsOf(join(dir, 'b'))).toEqual([]);
  });

  it('fails when a tool was changed after it was hashed, and leaves no bundle', async () => {
    const dir = scratchFolder();
    const tools = toolFiles(dir);
    await flip((tools[0] as ToolFile).path, 100);
    const failed = writeWith(join(dir, 'b'), tools);
    await expect(failed).rejects.toMatchObject({
      code: 'digest-mismatch',
      message: expect.stringContaining(tools[0]?.path as string),
    });
    expect(await readdir(dir)).not.toContain('b');
  });

  it('fails when a tool is gone', async () => {
    const dir = scratchFolder();
    const tools = toolFiles(dir).map((tool) => ({ ...tool, path: join(dir, 'none') }));
    await expect(writeWith(join(dir, 'b'), tools)).rejects.toMatchObject({
      code: expect.stringMatching(/file|several/),
    });
  });

  it('resumes, also with another plan', async () => {
    const dir = scratchFolder();
    const tools = toolFiles(dir);
    const source = registry();
    const cut = async (path: string, graph: Graph, bytes: number): Promise<void> => {
      const stop = new AbortController();
      source.read = 0;
      source.onChunk = () => {
        if (source.read >= bytes) stop.abort();
      };
      const run = writeWith(path, tools, { signal: stop.signal, concurrency: 1, graph }, source);
      await expect(run).rejects.toMatchObject({ code: 'interrupted' });
      source.onChunk = () => {};
      expect(await readdir(dir)).toContain(`${basename(path)}.partial.journal`);
    };
    await writeWith(join(dir, 'whole'), tools);
    const whole = await readFile(join(dir, 'whole'));
    for (const [name, graph] of [
      ['same', await graphOf(source)],
      ['other', await graphOf(source, ['quay.io/a:1'])],
    ] as const) {
      const path = join(dir, name);
      await cut(path, graph, 34_000);
      expect((await writeWith(path, tools, {}, source)).resumed).toBeGreaterThan(25_000);
      expect((await readFile(path)).equals(whole)).toBe(true);
    }
    expect((await readdir(dir)).filter((name) => name.includes('.partial'))).toEqual([]);
  });

  it('is written from an earlier one, with and without its tools', async () => {
    const { dir, path, tools } = await written();
    const source = registry();
    source.read = 0;
    const reuse = async (out: string, next: readonly ToolFile[]): Promise<void> => {
      const earlier = await EarlierBundles.open([path], ignoreEvents);
      await writeWith(join(dir, out), next, { earlier }, source);
      await earlier.close();
      expect(source.read, 'read from the registry').toBe(0);
      expect(await problemsOf(join(dir, out))).toEqual([]);
    };
    await reuse('same', tools);
    expect((await readFile(join(dir, 'same'))).equals(await readFile(path))).toBe(true);
    await reuse('without', []);
    await reuse('fewer', tools.slice(1));
  });

  it('is a delta with its tools', async () => {
    const { dir, tools } = await written();
    const source = registry();
    const graph = await graphOf(source);
    const requires = [...graph.blobs].flatMap(
      ([
        digest,
        {
          descriptor: { size },
        },
      ]) => (size === 30_000 ? [{ digest, size, repositories: ['quay.io/a'] }] : []),
    );
    const inventory = { ...withTools(inventoryOf(graph, [chart]), tools), since: tools[0]?.digest as Digest, requires };
    await writeWith(join(dir, 'delta'), tools, { graph, inventory }, source);
    expect(await problemsOf(join(dir, 'delta'))).toEqual([]);
    expect([...(await readFiles(join(dir, 'delta'))).keys()]).toEqual(
      expect.arrayContaining(['tools/SHA256SUMS', ...tools.map(({ name }) => `tools/${name}`)]),
    );
  });

  it('is split, and names the part in which a tool is damaged', async () => {
    const { dir, path, tools } = await written();
    const split = await writeWith(join(dir, 's'), tools, { splitSize: 20_000 });
    const parts = (split.parts as string[]).map((name) => join(dir, name));
    const contents = await Promise.all(parts.map((part) => readFile(part)));
    expect(Buffer.concat(contents).equals(await readFile(path))).toBe(true);
    expect(await problemsOf(join(dir, 's'))).toEqual([]);
    // The first tool is longer than two parts.
    await flip(parts[1] as string, 10_000);
    expect(await messagesOf(join(dir, 's'))).toEqual([
      expect.stringContaining('s.002'),
      expect.stringContaining(`tools/${tools[0]?.name}`),
    ]);
  });
});

describe('of the tools, verify names', () => {
  const offsetOf = async (path: string, name: string): Promise<number> => {
    const bundle = await openBundle(path);
    await bundle.close();
    return bundle.tools.get(name)?.offset ?? expect.fail();
  };

  it('each changed one, and changed sums and headers', async () => {
    const { path, tools } = await written();
    for (const { name } of tools) {
      const position = await offsetOf(path, name);
      await flip(path, position + 17);
      expect(await messagesOf(path)).toEqual([expect.stringContaining(`tools/${name}`)]);
      await flip(path, position + 17);
    }
    const sums = (await readFile(path)).indexOf(`${tools[0]?.digest.slice(7)}  tools/`);
    await flip(path, sums);
    expect(await messagesOf(path)).toEqual([expect.stringContaining('tools/SHA256SUMS')]);
    await expect(opened(path)).rejects.toMatchObject({ code: 'bundle-invalid' });
  });

  it('one that is no longer a program', async () => {
    const { path, tools } = await written();
    const bytes = await readFile(path);
    const at = (await offsetOf(path, tools[1]?.name as string)) - 512;
    const header = bytes.subarray(at, at + 512);
    header.write('000644', 100, 'latin1');
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    header.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
    await writeFile(path, bytes);
    expect(await messagesOf(path)).toEqual([expect.stringContaining(`tools/${tools[1]?.name}`)]);
  });

  it.each([
    ['missing', (files: Map<string, Buffer>, name: string) => files.delete(name)],
    ['longer', (files: Map<string, Buffer>, name: string) => files.set(name, Buffer.alloc(90_000))],
    ['empty', (files: Map<string, Buffer>, name: string) => files.set(name, Buffer.alloc(0))],
  ])('a %s one, and such a bundle is not opened', async (_, change) => {
    const { dir, path, tools } = await written();
    const files = await readFiles(path);
    change(files, `tools/${tools[0]?.name}`);
    const changed = join(dir, 'changed');
    writeFileSync(changed, repack(files));
    expect(await messagesOf(changed)).toEqual([expect.stringContaining(`tools/${tools[0]?.name}`)]);
    await expect(opened(changed)).rejects.toMatchObject({ code: 'bundle-invalid' });
  });

  it.each(['tools/extra', 'tools/sub/helm', 'tools/.hidden', 'Tools/helm', 'tools'])('an added %s', async (added) => {
    for (const tools of [toolFiles(scratchFolder()), []]) {
      if (added === 'tools' && tools.length > 0) continue;
      const path = join(scratchFolder(), 'b');
      await writeWith(path, tools);
      writeFileSync(path, repack(await readFiles(path), { last: [{ path: added, content: 'x' }] }));
      expect(await messagesOf(path)).toEqual([expect.stringContaining(added)]);
      await expect(opened(path)).rejects.toMatchObject({ code: 'bundle-invalid' });
    }
  });

  it('none that are repacked unchanged', async () => {
    const { path } = await written();
    writeFileSync(path, repack(await readFiles(path)));
    expect(await problemsOf(path)).toEqual([]);
    await opened(path);
  });

  it('one that is a link, and one that is there twice', async () => {
    const { path, tools } = await written();
    const files = await readFiles(path);
    const name = `tools/${tools[0]?.name}`;
    for (const entry of [
      { path: name, content: 'x' },
      { path: 'tools/link', link: '/etc/passwd' },
    ]) {
      writeFileSync(path, repack(files, { last: [entry] }));
      await expect(openBundle(path)).rejects.toMatchObject({ code: 'bundle-invalid' });
    }
  });
});
