import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { inventoryArtifact } from '../../../../src/bundle/format/metadata.ts';
import { type OpenOptions, openCheckedBundle } from '../../../../src/bundle/open.ts';
import { openBundle } from '../../../../src/bundle/reading/bundle.ts';
import { signInventory } from '../../../../src/bundle/signing/signature.ts';
import { verifyBundle } from '../../../../src/bundle/verify.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { readBaseBundle } from '../../../../src/workflows/bundle/delta.ts';
import { extract } from '../../../../src/workflows/extract/extract.ts';
import { diff } from '../../../../src/workflows/inspect/diff.ts';
import { inspect, inspectInventory } from '../../../../src/workflows/inspect/inspect.ts';
import { planPush } from '../../../../src/workflows/push/plan-push.ts';
import { retiredReferences } from '../../../../src/workflows/push/retired.ts';
import { SELECT_ALL } from '../../../../src/workflows/push/selection.ts';
import { withWrittenNamesFromFile } from '../../../../src/workflows/push/written-names.ts';
import { bundledReferences } from '../../../../src/workflows/values/needed-references.ts';
import { verify } from '../../../../src/workflows/verify/verify.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { readFiles, repack, repackWithSameHeaders } from '../../../support/repacked.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const context = { env: {}, cwd: '/', emit: ignoreEvents };
const target = parseTarget('r.example/m', 'host-path');
const signing = generateKeyPairSync('ed25519');
const required = [{ name: 'key.pub', publicKey: signing.publicKey }];
const key = { ...signing, algorithm: 'ed25519' } as never;

interface Index {
  manifests: { digest: string; size: number; annotations: Record<string, string> }[];
}

/** Bundles by whether they are signed. The tests change copies. */
const written = new Map<boolean, ReturnType<typeof writeBundled>>();

/** Returns a bundle, signed on request, and its files. */
function bundled(isSigned = false): ReturnType<typeof writeBundled> {
  const known = written.get(isSigned) ?? writeBundled(isSigned);
  written.set(isSigned, known);
  return known;
}

async function writeBundled(isSigned: boolean) {
  const path = join(scratchFolder(), 'b.tar');
  const source = registry();
  const inventory = inventoryOf(await graphOf(source), [chart]);
  const signatures = isSigned ? [signInventory(inventoryArtifact(inventory).descriptor.digest, key)] : [];
  await write(path, source, { inventory, signatures });
  return { path, files: await readFiles(path) };
}

/** Packs the files again, as this tool (`alike`) or another (`again`) would. */
async function changed(path: string, files: Map<string, Buffer | string>, how: 'alike' | 'again'): Promise<string> {
  const other = join(dirname(path), `${how}.tar`);
  await writeFile(other, how === 'alike' ? await repackWithSameHeaders(path, files) : repack(files));
  return other;
}

function withIndex(files: Map<string, Buffer | string>, change: (index: Index) => void): Map<string, Buffer | string> {
  const index = JSON.parse(String(files.get('index.json'))) as Index;
  change(index);
  return new Map(files).set('index.json', JSON.stringify(index));
}

async function problems(path: string): Promise<string[]> {
  const bundle = await openBundle(path);
  try {
    return (await verifyBundle(bundle, { emit: ignoreEvents })).map(({ message }) => message);
  } finally {
    await bundle.close();
  }
}

const isNamed = (name: string) => (one: Index['manifests'][number]) =>
  one.annotations['org.opencontainers.image.ref.name'] === name;

/** Swaps the digests of images A and B. */
function swapped({ manifests }: Index): void {
  const [a, b] = ['quay.io/a:1', 'docker.io/library/b:2'].map((name) => manifests.find(isNamed(name)));
  if (a === undefined || b === undefined) throw new Error('two images');
  [a.digest, a.size, b.digest, b.size] = [b.digest, b.size, a.digest, a.size];
}

it('repacking as this tool gives the same bytes; repacking otherwise keeps the content', async () => {
  const { path, files } = await bundled();
  expect((await repackWithSameHeaders(path, files)).equals(await readFile(path))).toBe(true);
  expect(await problems(await changed(path, files, 'again'))).toEqual([]);
});

describe('a bundle whose index contradicts its inventory', () => {
  const push = (file: string, signers?: OpenOptions['signers']) =>
    planPush(context, {
      files: [file],
      targets: [target],
      access: { mirrors: [], plainHttp: [], ecrHosts: [] },
      concurrency: 2,
      existing: 'error',
      requireReferrers: false,
      selection: SELECT_ALL,
      repositories: { create: 'missing', reconcile: false, settings: {} },
      now: () => new Date(),
      signers,
    });
  const out = () => ({ out: join(scratchFolder(), 'x.tar'), force: false, concurrency: 2 });
  const uses: [string, (file: string, signers?: OpenOptions['signers']) => Promise<unknown>][] = [
    ['push', push],
    [
      'extract an image',
      (file, signers) =>
        extract(context, { file, signers, selection: { image: 'quay.io/a:1', referrers: true }, ...out() }),
    ],
    ['extract a chart', (file, signers) => extract(context, { file, signers, selection: { chart: 'demo' }, ...out() })],
    ['diff', (file, signers = []) => diff(file, file, signers)],
    ['inspect', (file, signers) => inspect(file, signers)],
    ['inspect -o lock', (file, signers) => inspectInventory(file, 2, signers)],
    ['values --format map', (bundle, signers) => bundledReferences(context, { bundle, target, signers })],
    [
      'as-written',
      (file, signers) => withWrittenNamesFromFile(parseTarget('r.example/m', 'as-written'), file, { signers }),
    ],
  ];
  const unsignable: typeof uses = [
    ['bundle --since', (file) => readBaseBundle(file, 2)],
    ['push --retire', (file) => retiredReferences(file, { roots: [] }, target)],
  ];

  it.each([...uses, ...unsignable])('is rejected by %s', async (_, use) => {
    const { path, files } = await bundled();
    for (const how of ['alike', 'again'] as const) {
      const other = await changed(path, withIndex(files, swapped), how);
      await expect(use(other)).rejects.toMatchObject({ code: 'bundle-invalid' });
      expect(await problems(other)).toContainEqual(expect.stringMatching(/^quay\.io\/a:1 .*sha256:\w+ .*sha256:\w+/));
    }
  });

  it.each(uses)('is rejected without the required signature by %s', async (_, use) => {
    const { path } = await bundled();
    await expect(use(path, required)).rejects.toMatchObject({ code: 'signature', exitCode: 3 });
    const signed = await bundled(true);
    const other = [{ name: 'other.pub', publicKey: generateKeyPairSync('ed25519').publicKey }];
    await expect(use(signed.path, other)).rejects.toMatchObject({ code: 'signature' });
    const moved = await changed(signed.path, withIndex(signed.files, swapped), 'again');
    await expect(use(moved, required)).rejects.toMatchObject({ code: 'signature' });
  });
});

describe('names that other readers would find in a bundle', () => {
  const readings: [string, (files: Map<string, Buffer | string>) => Map<string, Buffer | string>][] = [
    [
      'the name of another image next to its own name for containerd',
      (files) =>
        withIndex(files, ({ manifests }) => {
          const one = manifests.find(isNamed('docker.io/library/b:2'));
          if (one !== undefined) one.annotations['org.opencontainers.image.ref.name'] = 'quay.io/a:1';
        }),
    ],
    [
      'a name for containerd on a chart',
      (files) =>
        withIndex(files, ({ manifests }) => {
          const one = manifests.find(isNamed('charts/demo:1.2.3_b'));
          if (one !== undefined) one.annotations['io.containerd.image.name'] = 'quay.io/a:1';
        }),
    ],
    ['a second list under a key that Go treats as equal', (files) => twice(files, '"Manifests":[]')],
    ['the same key twice', (files) => twice(files, '"manifests":[]')],
    ['a file of another kind', (files) => new Map(files).set('blobs/index.json', '{}')],
    ['a file of the same name in capitals', (files) => new Map(files).set('Index.json', '{}')],
  ];

  it.each(readings)('%s: rejected', async (_, change) => {
    const { path, files } = await bundled();
    for (const how of ['alike', 'again'] as const) {
      const other = await changed(path, change(files), how);
      await expect(openCheckedBundle(other)).rejects.toMatchObject({ code: 'bundle-invalid' });
      expect(await problems(other)).not.toEqual([]);
    }
  });

  function twice(files: Map<string, Buffer | string>, extra: string): Map<string, Buffer | string> {
    return new Map(files).set('index.json', String(files.get('index.json')).replace('{', `{${extra},`));
  }

  it('are not checked in archives of other tools', async () => {
    const { files } = await bundled();
    const unlocked = withIndex(files, (index) => {
      index.manifests = index.manifests.filter(isNamed('quay.io/a:1'));
      for (const { annotations } of index.manifests) annotations['org.example.more'] = 'x';
    });
    const path = join(scratchFolder(), 'b.tar');
    await writeFile(path, repack(unlocked.set('README', 'x').set('repositories', '{}')));
    await (await openCheckedBundle(path)).close();
    expect(await problems(path)).toEqual([]);
  });
});

describe('a bundle with other content than its index', () => {
  type Saved = { Config: string; RepoTags: string[]; Layers: string[] }[];
  const saved = (files: Map<string, Buffer | string>, change: (saved: Saved) => void) => {
    const all = JSON.parse(String(files.get('manifest.json'))) as Saved;
    change(all);
    return new Map(files).set('manifest.json', JSON.stringify(all));
  };
  const orphan = (files: Map<string, Buffer | string>) =>
    // The name does not matter: no manifest refers to it.
    new Map(files).set('blobs/sha256/67f2b9f9ba2f4a91b8df91e4d7b6ca4a4fcd4dd5c8f83df7bd4d2a0b2b7f4a35', 'orphan');

  it.each<[string, (files: Map<string, Buffer | string>) => Map<string, Buffer | string>]>([
    [
      'with an extra image in manifest.json',
      (files) => saved(files, (all) => all.push({ ...(all[0] as Saved[0]), RepoTags: ['quay.io/c:1'] })),
    ],
    ['with a second name in manifest.json', (files) => saved(files, (all) => all[0]?.RepoTags.push('quay.io/c:1'))],
    ['without an image in manifest.json', (files) => saved(files, (all) => all.pop())],
    ['without a layer in manifest.json', (files) => saved(files, (all) => all[0]?.Layers.pop())],
    ['without manifest.json', (files) => new Map([...files].filter(([name]) => name !== 'manifest.json'))],
    [
      'with keys that Go and JavaScript read differently',
      (files) =>
        new Map(files).set(
          'manifest.json',
          String(files.get('manifest.json')).replace('"RepoTags"', '"repotags":["quay.io/c:1"],"RepoTags"'),
        ),
    ],
    ['with an unreferenced blob', orphan],
  ])('does not verify %s', async (_, change) => {
    const { path, files } = await bundled(true);
    for (const how of ['alike', 'again'] as const) {
      const other = await changed(path, change(files), how);
      expect(await problems(other)).not.toEqual([]);
    }
    const other = await changed(path, change(files), 'alike');
    const { problems: found } = await verify(context, other, 1, required);
    expect(found).not.toEqual([]);
  });

  it('verifies as signed only if this tool packed it', async () => {
    const { path, files } = await bundled(true);
    const result = await verify(context, path, 1, required);
    expect(result.problems).toEqual([]);
    expect(result.signedBy).toEqual([expect.stringMatching(/^sha256:/)]);
    const again = await changed(path, files, 'again');
    await expect(verify(context, again, 1, required)).rejects.toMatchObject({ code: 'signature' });
    // Commands that check digests on use accept it.
    await (await openCheckedBundle(again, { signers: required })).close();
    expect((await inspect(again, required)).signedBy).toEqual(result.signedBy);
  });
});
