import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { referrerDifference, referrersByOwner } from '../../../../src/bundle/difference.ts';
import { type Bundle, openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { type Graph, ReferrerIndex } from '../../../../src/oci/graph.ts';
import type { Referrer } from '../../../../src/oci/referrer.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { chart, inventoryOf, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged, tagOf } from '../../../support/referrers.ts';
import { scratchFolder } from '../../../support/scratch.ts';

function registry() {
  const source = new MemoryRegistry();
  source.listsReferrers = true;
  const image = source.addImage('quay.io/a', '1', [noise('a', 500)]);
  const sbom = addReferrer(source, 'quay.io/a', image);
  const signed = addReferrer(source, 'quay.io/a', sbom, 'application/vnd.signature');
  const tagged = addTagged(source, 'quay.io/a', image);
  return { source, image, sbom, signed, tagged };
}

async function graphOf(source: MemoryRegistry): Promise<Graph> {
  const steps = { concurrency: 4, emit: ignoreEvents };
  const walker = new Walker(source, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1'));
  await new ReferrerCollector(source, walker, steps).collect(walker.graph().roots);
  return walker.graph();
}

/** Returns an inventory that lists the referrers of the image, as `bundle` writes it. */
function inventoryWith(graph: Graph, referrers = graph.referrers ?? []): Inventory {
  const inventory = inventoryOf(graph, []);
  const list = referrers.map(({ descriptor, subject, artifactType, tag }) => ({
    digest: descriptor.digest,
    subject,
    artifactType,
    ...(tag === undefined ? {} : { tag }),
  }));
  return { ...inventory, images: inventory.images.map((image) => ({ ...image, referrers: list })) };
}

async function written(change: (graph: Graph) => Graph = (graph) => graph, inventory = inventoryWith) {
  const made = registry();
  const path = join(scratchFolder(), 'b.tar');
  const graph = change(await graphOf(made.source));
  await write(path, made.source, { graph, charts: [], inventory: inventory(graph) });
  return { ...made, path, graph };
}

async function problems(path: string) {
  const bundle = await openBundle(path);
  try {
    return await verifyBundle(bundle, { emit: ignoreEvents });
  } finally {
    await bundle.close();
  }
}

async function opened<T>(path: string, look: (bundle: Bundle) => T): Promise<T> {
  const bundle = await openBundle(path);
  const seen = look(bundle);
  await bundle.close();
  return seen;
}

describe('referrers', () => {
  it('are listed in the index without a name and read back', async () => {
    const { path, graph, image, tagged } = await written();
    expect(await problems(path)).toEqual([]);
    const { referrers, images, unnamed } = await opened(path, (bundle) => ({
      referrers: bundle.referrers(),
      images: bundle.images(),
      unnamed: bundle.unnamed(),
    }));
    expect(referrers).toEqual(graph.referrers);
    expect([images.length, unnamed.length]).toEqual([1, 0]);
    expect(referrers.find(({ tag }) => tag !== undefined)).toMatchObject({
      tag: tagOf(image.digest, 'sig'),
      descriptor: { digest: tagged.digest },
    });
    expect(
      new ReferrerIndex({ manifests: new Map(), referrers }).transitive(images[0]?.reference as never, image.digest),
    ).toEqual(referrers);
  });

  it('of a chart are listed under the chart’s name', async () => {
    const { source, graph } = { ...registry(), graph: await graphOf(registry().source) };
    const path = join(scratchFolder(), 'b.tar');
    const listed = (graph.referrers ?? []).filter(({ tag }) => tag === undefined);
    const own: Referrer[] = listed.map((one) => ({
      ...one,
      repository: { registry: 'charts', path: 'demo' },
      subject: chart.descriptor.digest,
    }));
    const content = { manifests: new Map([...graph.manifests, ...chart.content.manifests]), blobs: graph.blobs };
    const blobs = new Map([...graph.blobs, ...chart.content.blobs]);
    const charts = [{ ...chart, content: { ...content, blobs }, referrers: own }];
    await write(path, source, { graph: { roots: [], manifests: new Map(), blobs: new Map() }, charts });
    expect(await opened(path, (bundle) => bundle.referrers())).toEqual(own);
  });

  it('must be the same in the index and the inventory', async () => {
    const lost = await written(
      (graph) => ({ ...graph, referrers: (graph.referrers ?? []).filter(({ tag }) => tag === undefined) }),
      (graph) =>
        inventoryWith(graph, [...(graph.referrers ?? []), { ...(graph.referrers?.[0] as Referrer), tag: 'x.sig' }]),
    );
    expect(await problems(lost.path)).toEqual([
      { message: expect.stringMatching(/sha256:\w+/), affects: [] },
      { message: expect.stringMatching(/sha256:\w+ \(signature\)/), affects: ['quay.io/a:1'] },
    ]);
    const secret = await written(undefined, (graph) => inventoryWith(graph, []));
    expect((await problems(secret.path)).map(({ message }) => message)).toEqual(
      [1, 2, 3].map(() => expect.stringMatching(/sha256:\w+ \(.*\) for quay\.io\/a@sha256:/)),
    );
  });

  it('are reported with their image when damaged or listed for another subject', async () => {
    const { path, tagged } = await written();
    const position = await opened(path, (bundle) => bundle.entries.get(tagged.digest)?.offset ?? 0);
    const bytes = await readFile(path);
    bytes.write('!', position + 3);
    await writeFile(path, bytes);
    expect(await problems(path)).toEqual([
      { message: expect.stringContaining(tagged.digest), affects: ['the signature of quay.io/a:1'] },
    ]);
    const other = `sha256:${'0'.repeat(64)}` as Digest;
    const moved = await written(
      (graph) => ({
        ...graph,
        referrers: (graph.referrers ?? []).map((one) => (one.tag === undefined ? { ...one, subject: other } : one)),
      }),
      inventoryWith,
    );
    const messages = (await problems(moved.path)).map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringMatching(new RegExp(`^${moved.sbom.digest} .*${other}`)));
    expect(messages).toContainEqual(expect.stringMatching(new RegExp(`^${other}, .*${moved.sbom.digest}`)));
  });

  it('are compared for images that are the same in both bundles only', async () => {
    const { graph } = await written();
    const [with3, without] = [inventoryWith(graph), inventoryWith(graph, [])];
    const added = referrerDifference(referrersByOwner(without), referrersByOwner(with3)).added;
    expect(added.map(({ of, kind }) => [of, kind])).toContainEqual(['quay.io/a:1', 'signature']);
    expect(added).toHaveLength(3);
    expect(referrerDifference(referrersByOwner(with3), referrersByOwner(without)).removed).toHaveLength(3);
    const moved = {
      ...without,
      images: without.images.map((image) => ({ ...image, digest: `sha256:${'1'.repeat(64)}` as Digest })),
    };
    expect(referrerDifference(referrersByOwner(moved), referrersByOwner(with3))).toEqual({ added: [], removed: [] });
  });
});
