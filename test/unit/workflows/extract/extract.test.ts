import { execFileSync } from 'node:child_process';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { withRunLock } from '../../../../src/base/run-lock.ts';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { Graph } from '../../../../src/oci/graph.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { formatReference } from '../../../../src/oci/reference.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { type Extraction, type ExtractSelection, extract } from '../../../../src/workflows/extract/extract.ts';
import { graphOf, NAMES, registry, write } from '../../../support/bundles.ts';
import { type MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged } from '../../../support/referrers.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const TGZ = noise('chart', 70_000);
const PROV = Buffer.from('-----BEGIN PGP SIGNED MESSAGE-----\n');
const charts = [
  chartArtifact({ metadata: { apiVersion: 'v2', name: 'demo', version: '1.2.3+b' }, tgz: TGZ, provenance: PROV }),
  chartArtifact({ metadata: { apiVersion: 'v2', name: 'demo', version: '2.0.0' }, tgz: noise('other', 700) }),
];

interface Place {
  readonly dir: string;
  readonly file: string;
  readonly out: string;
  readonly source: MemoryRegistry;
}

async function bundled(source = registry(), names?: readonly string[], graph?: Graph): Promise<Place> {
  const dir = scratchFolder();
  const file = join(dir, 'bundle.tar');
  await write(file, source, { charts, graph: graph ?? (await graphOf(source, names)) });
  return { dir, file, out: join(dir, 'out'), source };
}

function take({ file, out }: Place, wanted: ExtractSelection, force = false): Promise<Extraction> {
  const context = { env: {}, cwd: '/', emit: ignoreEvents };
  return extract(context, { file, selection: wanted, out, force, concurrency: 2 });
}

function failureOf(taken: Promise<unknown>): Promise<AirgapError> {
  return taken.then(
    () => Promise.reject(new Error('it should fail')),
    (error: AirgapError) => error,
  );
}

/** Returns the content of an archive after verifying it. */
async function contentOf(path: string): Promise<Record<string, unknown>> {
  const bundle = await openBundle(path);
  try {
    expect(await verifyBundle(bundle, { emit: ignoreEvents })).toEqual([]);
    const images = bundle.images().map(({ reference, descriptor }) => [formatReference(reference), descriptor.digest]);
    return { images: Object.fromEntries(images), charts: bundle.charts().length, lock: bundle.inventory() };
  } finally {
    await bundle.close();
  }
}

describe('a chart', () => {
  it('is extracted byte for byte, with its provenance file', async () => {
    const setup = await bundled();
    const result = await take(setup, { chart: 'demo@1.2.3+b' });
    expect(await readFile(setup.out)).toEqual(TGZ);
    expect(await readFile(`${setup.out}.prov`)).toEqual(PROV);
    expect(result).toMatchObject({
      status: 'written',
      type: 'chart',
      name: 'demo@1.2.3+b',
      files: [
        { path: setup.out, bytes: TGZ.length },
        { path: `${setup.out}.prov`, bytes: PROV.length },
      ],
    });
  });

  it('without provenance is one file', async () => {
    const setup = await bundled();
    await take(setup, { chart: 'demo@2.0.0' });
    expect((await readdir(setup.dir)).sort()).toEqual(['bundle.tar', 'out']);
  });

  it('with two versions needs a version, and a missing one is refused with a list of the charts', async () => {
    const setup = await bundled();
    for (const chart of ['demo', 'demo@3', 'other']) {
      const error = await failureOf(take(setup, { chart }));
      expect(error.code).toBe('chart-not-found');
      expect(error.hint).toContain('demo@1.2.3+b, demo@2.0.0');
    }
    expect(await readdir(setup.dir)).toEqual(['bundle.tar']);
  });

  it('is not rewritten if up to date; other content is replaced only with --force', async () => {
    const setup = await bundled();
    await take(setup, { chart: 'demo@1.2.3+b' });
    expect(await take(setup, { chart: 'demo@1.2.3+b' })).toMatchObject({ status: 'up-to-date' });
    const error = await failureOf(take(setup, { chart: 'demo@2.0.0' }));
    expect(error.code).toBe('output-exists');
    expect(await readFile(setup.out)).toEqual(TGZ);
    await take(setup, { chart: 'demo@2.0.0' }, true);
    expect(await readFile(setup.out)).toEqual(noise('other', 700));
  });

  it('that is damaged leaves no file, and an existing file is kept', async () => {
    const setup = await bundled();
    await damage(setup.file, charts[0]?.content.manifests.values().next().value?.blobs[1]?.digest as Digest);
    await writeFile(setup.out, 'precious');
    const error = await failureOf(take(setup, { chart: 'demo@1.2.3+b' }, true));
    expect(error).toMatchObject({ code: 'digest-mismatch', hint: expect.stringContaining('verify') });
    expect(error.message).toContain('bundle.tar');
    expect(await readFile(setup.out, 'utf8')).toBe('precious');
    expect((await readdir(setup.dir)).sort()).toEqual(['bundle.tar', 'out']);
  });
});

describe('an image', () => {
  it('is extracted as an archive of its own, with every platform and its digest', async () => {
    const setup = await bundled();
    const digest = setup.source.tags.get('quay.io/multi:3');
    expect(await take(setup, { image: 'quay.io/multi:3', referrers: true })).toMatchObject({ type: 'image', digest });
    expect(await contentOf(setup.out)).toEqual({ images: { 'quay.io/multi:3': digest }, charts: 0, lock: undefined });
  });

  it('of one platform has the digest of its own manifest', async () => {
    const setup = await bundled();
    const arm = childrenOf(setup.source, 'quay.io/multi:3')[1];
    const result = await take(setup, {
      image: 'quay.io/multi',
      platform: parsePlatform('linux/arm64'),
      referrers: true,
    });
    expect(result).toMatchObject({ name: 'quay.io/multi:3', digest: arm });
    expect(await contentOf(setup.out)).toMatchObject({ images: { 'quay.io/multi:3': arm } });
    const archive = await openBundle(setup.out);
    expect(archive.entries.size, 'manifest, config and its layer').toBe(3);
    await archive.close();
  });

  it('pinned to an index is pinned to the manifest of the extracted platform', async () => {
    const source = registry();
    const index = source.tags.get('quay.io/multi:3');
    const setup = await bundled(source, [`quay.io/multi:3@${index}`]);
    const [amd] = childrenOf(source, 'quay.io/multi:3');
    await take(setup, { image: 'quay.io/multi', platform: parsePlatform('linux/amd64'), referrers: true });
    expect(await contentOf(setup.out)).toMatchObject({ images: { [`quay.io/multi:3@${amd}`]: amd } });
  });

  it('without an index has its platform in the config', async () => {
    const setup = await bundled();
    await take(setup, { image: 'b', platform: parsePlatform('linux/amd64'), referrers: true });
    const error = await failureOf(take(setup, { image: 'b', platform: parsePlatform('linux/s390x'), referrers: true }));
    expect(error.message).toMatch(/docker\.io\/library\/b:2.*linux\/s390x.*linux\/amd64/);
  });

  it('needs the variant if several manifests match the platform', async () => {
    const source = registry();
    const child = (variant: string, platform: object): object => ({
      ...source.addImage('quay.io/arm', undefined, [noise(variant, 100)], 'linux/arm'),
      platform: { os: 'linux', architecture: 'arm', ...platform },
    });
    const children = [child('v6', { variant: 'v6' }), child('v7', { variant: 'v7' })];
    source.addIndex('quay.io/arm', '1', children);
    const setup = await bundled(source, ['quay.io/arm:1']);
    const error = await failureOf(
      take(setup, { image: 'quay.io/arm', platform: parsePlatform('linux/arm'), referrers: true }),
    );
    expect(error.message).toMatch(/\b2\b.*linux\/arm\b.*linux\/arm\/v6, linux\/arm\/v7/);
    const { digest } = await take(setup, {
      image: 'quay.io/arm',
      platform: parsePlatform('linux/arm/v7'),
      referrers: true,
    });
    expect(digest).toBe(childrenOf(source, 'quay.io/arm:1')[1]);
  });

  it('includes referrers of the image and its manifests, unless disabled', async () => {
    const source = registry();
    source.listsReferrers = true;
    const name = 'quay.io/multi';
    const digest = source.tags.get(`${name}:3`) as Digest;
    const index = source.manifests.get(`${name}@${digest}`)?.descriptor as Descriptor;
    const sbom = addReferrer(source, name, index);
    const signature = addTagged(source, name, index);
    const [, arm] = childrenOf(source, `${name}:3`);
    const ofArm = addReferrer(source, name, source.manifests.get(`${name}@${arm}`)?.descriptor as Descriptor);
    const steps = { concurrency: 4, emit: ignoreEvents };
    const walker = new Walker(source, { ...steps, platforms: [] });
    await walker.add(references(...NAMES));
    await new ReferrerCollector(source, walker, steps).collect(walker.graph().roots);
    const setup = await bundled(source, NAMES, walker.graph());
    const held = async (wanted: Partial<ExtractSelection>): Promise<readonly string[]> => {
      const { referrers } = await take(setup, { image: name, referrers: true, ...wanted } as ExtractSelection, true);
      await contentOf(setup.out);
      const archive = await openBundle(setup.out);
      await archive.close();
      expect(archive.referrers()).toHaveLength(referrers);
      return archive.referrers().map(({ descriptor }) => descriptor.digest);
    };
    expect((await held({})).toSorted()).toEqual([sbom.digest, signature.digest, ofArm.digest].toSorted());
    expect(await held({ platform: parsePlatform('linux/arm64') })).toEqual([ofArm.digest]);
    expect(await held({ referrers: false })).toEqual([]);
    // Referrers can be extracted from the extracted archive again.
    await take(setup, { image: name, referrers: true }, true);
    const again = { ...setup, file: setup.out, out: join(setup.dir, 'again') };
    expect(await take(again, { image: name, referrers: true })).toMatchObject({ referrers: 3 });
    expect(await readFile(again.out)).toEqual(await readFile(setup.out));
  });

  it('must match exactly one; otherwise the candidates are listed', async () => {
    const setup = await bundled();
    const several = await failureOf(take(setup, { image: 'quay.io/*', referrers: true }));
    expect(several).toMatchObject({
      code: 'image-not-found',
      hint: expect.stringContaining('quay.io/a:1, quay.io/multi:3'),
    });
    expect(several.message).toMatch(/\b2 images .*quay\.io\/\*/);
    const none = await failureOf(take(setup, { image: 'quay.io/a:2', referrers: true }));
    expect(none).toMatchObject({ code: 'image-not-found', hint: expect.stringContaining('docker.io/library/b:2') });
    expect(await readdir(setup.dir)).toEqual(['bundle.tar']);
  });

  it('is the exact match, even if another name begins with it', async () => {
    const source = registry();
    const digest = source.tags.get('docker.io/library/b:2');
    const setup = await bundled(source, ['docker.io/library/b:2', `docker.io/library/b:2@${digest}`]);
    expect(await take(setup, { image: 'b:2', referrers: true })).toMatchObject({ name: 'docker.io/library/b:2' });
  });

  it('that is damaged is not written', async () => {
    const setup = await bundled();
    const { blobs } = await graphOf(setup.source, ['quay.io/a:1']);
    await damage(setup.file, [...blobs.keys()].at(-1) as Digest);
    const error = await failureOf(take(setup, { image: 'quay.io/a:1', referrers: true }));
    expect(error.code).toBe('digest-mismatch');
    expect(await readdir(setup.dir)).not.toContain('out');
    await damage(setup.file, setup.source.tags.get('quay.io/multi:3') as Digest);
    const { message } = await failureOf(take(setup, { image: 'quay.io/multi', referrers: true }));
    expect(message.split(setup.file), 'the bundle is named once').toHaveLength(2);
  });

  it('with a blob missing from the bundle fails before anything is written', async () => {
    const source = registry();
    const graph = await graphOf(source, ['quay.io/a:1']);
    const [lost, ...rest] = [...graph.blobs].reverse();
    const dir = scratchFolder();
    const setup = { dir, file: join(dir, 'bundle.tar'), out: join(dir, 'out'), source };
    await write(setup.file, source, { graph: { ...graph, blobs: new Map(rest) } });
    const error = await failureOf(take(setup, { image: 'quay.io/a:1', referrers: true }));
    expect(error).toMatchObject({ code: 'image-not-found', message: expect.stringContaining(lost?.[0] as string) });
    expect(await readdir(dir)).toEqual(['bundle.tar']);
  });

  it('is written deterministically, and not again if up to date', async () => {
    const setup = await bundled();
    await take(setup, { image: 'quay.io/a', referrers: true });
    const bytes = await readFile(setup.out);
    expect(await take(setup, { image: 'quay.io/a', referrers: true })).toMatchObject({ status: 'up-to-date' });
    const again = { ...setup, out: join(setup.dir, 'again') };
    await take(again, { image: 'quay.io/a:1', referrers: true });
    expect(await readFile(again.out)).toEqual(bytes);
  });
});

it('refuses an unwritable output before it opens the bundle', async () => {
  const setup = await bundled();
  await mkdir(setup.out);
  const error = await failureOf(take({ ...setup, file: '/nowhere' }, { image: 'quay.io/a', referrers: true }));
  expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(setup.out) });
});

function childrenOf(source: MemoryRegistry, name: string): string[] {
  const digest = source.tags.get(name);
  const content = source.manifests.get(`${name.replace(/:[^:]*$/, '')}@${digest}`);
  const { manifests } = JSON.parse(Buffer.from(content?.bytes ?? []).toString()) as { manifests: { digest: string }[] };
  return manifests.map((child) => child.digest);
}

/** Flips one bit of a blob. */
async function damage(path: string, digest: Digest): Promise<void> {
  const bundle = await openBundle(path);
  const { offset } = bundle.entries.get(digest) as { offset: number };
  await bundle.close();
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  await file.write(Buffer.from([(byte[0] as number) ^ 1]), 0, 1, offset);
  await file.close();
}

describe('an output', () => {
  const wanted: readonly ExtractSelection[] = [{ chart: 'demo@2.0.0' }, { image: 'quay.io/a:1', referrers: false }];

  it.each(wanted)('that is a pipe is neither waited for nor replaced: %o', async (what) => {
    const setup = await bundled();
    execFileSync('mkfifo', [setup.out]);
    expect((await failureOf(take(setup, what))).code).toBe('output-exists');
  });

  it.each(wanted)('that another run is writing is refused: %o', async (what) => {
    const setup = await bundled();
    await withRunLock(setup.out, async () => {
      expect((await failureOf(take(setup, what))).code).toBe('output-exists');
    });
    expect((await take(setup, what)).status).toBe('written');
    expect((await readdir(setup.dir)).sort()).toEqual(['bundle.tar', 'out']);
  });
});
