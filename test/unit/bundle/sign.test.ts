import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { openCheckedBundle } from '../../../src/bundle/open.ts';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { type SignResult, signBundle } from '../../../src/bundle/sign.ts';
import { readSignatures, reuseOrSignInventory } from '../../../src/bundle/signing/signature.ts';
import { verifyBundle } from '../../../src/bundle/verify.ts';
import { isValidSignature, type SigningKey } from '../../../src/oci/signing-key.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../support/bundles.ts';
import { readFiles, repackWithSameHeaders } from '../../support/repacked.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Signatures that are added to finished bundles. */

const builder: SigningKey = generateKeyPairSync('ed25519');
const reviewer: SigningKey = generateKeyPairSync('ed25519');
const ecdsa: SigningKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const source = registry();

/** Writes a bundle, signed by the keys. */
async function bundled(path: string, keys: readonly SigningKey[] = [], options: Parameters<typeof write>[2] = {}) {
  const inventory = inventoryOf(options.graph ?? (await graphOf(source)), [chart]);
  const signatures = [];
  for (const key of keys) signatures.push(...(await reuseOrSignInventory(inventory, key, join(scratchFolder(), 'x'))));
  return write(path, source, { inventory, signatures, sign: keys[0], ...options });
}

async function sign(
  path: string,
  key: SigningKey,
  more: Partial<Parameters<typeof signBundle>[1]> = {},
): Promise<SignResult> {
  const bundle = await openBundle(path);
  try {
    return await signBundle(bundle, { key, detached: false, check: async () => {}, ...more });
  } finally {
    await bundle.close();
  }
}

/** Opens a bundle that all keys must have signed, and checks every byte. */
async function expectGood(path: string, ...keys: SigningKey[]): Promise<void> {
  const signers = keys.map(({ publicKey }, index) => ({ name: `${index}.pub`, publicKey }));
  const bundle = await openCheckedBundle(path, { signers });
  try {
    expect(await verifyBundle(bundle, { emit: ignoreEvents })).toEqual([]);
    expect(await readSignatures(bundle)).toHaveLength(keys.length);
  } finally {
    await bundle.close();
  }
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, sha256(join(folder, name))]));

describe('a signature added to a bundle of one file', () => {
  it('gives the bytes of a bundle that was written with it, in whatever order people sign', async () => {
    const dir = scratchFolder();
    const [both, one, none, other] = ['both', 'one', 'none', 'other'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
      string,
    ];
    await bundled(both, [builder, reviewer]);
    await bundled(one, [builder]);
    await bundled(none);
    await bundled(other, [reviewer]);
    expect(await sign(one, reviewer)).toMatchObject({ status: 'signed', signatures: 2, signatureFile: one });
    expect(await sign(none, reviewer)).toMatchObject({ status: 'signed', signatures: 1 });
    expect(sha256(none)).toBe(sha256(other));
    await sign(none, builder);
    for (const path of [one, none]) {
      expect(sha256(path)).toBe(sha256(both));
      await expectGood(path, builder, reviewer);
    }
    expect(readdirSync(dir).sort()).toEqual(['both', 'none', 'one', 'other']);
  });

  it('moves nothing but the end of a bundle that was signed when it was written', async () => {
    const path = join(scratchFolder(), 'b');
    await bundled(path, [builder]);
    const before = await openBundle(path);
    await sign(path, reviewer);
    const after = await openBundle(path);
    const moved = [...before.entries].filter(([digest, { offset }]) => after.entries.get(digest)?.offset !== offset);
    expect(moved.length).toBeLessThanOrEqual(2);
    await before.close();
    await after.close();
  });

  it('changes nothing when it is made twice, or when the bundle is written again by one of the keys', async () => {
    const path = join(scratchFolder(), 'b');
    await bundled(path, [ecdsa]);
    await sign(path, builder);
    const bytes = sha256(path);
    for (const key of [ecdsa, builder])
      expect(await sign(path, key)).toMatchObject({ status: 'up-to-date', signatures: 2 });
    const inventory = inventoryOf(await graphOf(source), [chart]);
    for (const key of [ecdsa, builder]) {
      const signatures = await reuseOrSignInventory(inventory, key, path);
      expect(await write(path, source, { inventory, signatures })).toMatchObject({ status: 'up-to-date' });
    }
    expect(sha256(path)).toBe(bytes);
  });

  it('fits a bundle whose signature is among the other blobs, as older versions wrote it', async () => {
    const path = join(scratchFolder(), 'b');
    await bundled(path, [builder]);
    const files = [...(await readFiles(path))];
    const [blobs, others] = [true, false].map((isBlob) =>
      files.filter(([name]) => name.startsWith('blobs/') === isBlob),
    );
    const sorted = blobs?.toSorted(([a], [b]) => (a < b ? -1 : 1)) ?? [];
    expect(sorted).not.toEqual(blobs);
    writeFileSync(path, await repackWithSameHeaders(path, new Map([...(others ?? []), ...sorted])));
    await expectGood(path, builder);
    await sign(path, reviewer);
    await expectGood(path, builder, reviewer);
  });

  it('keeps the mode of the file and a link to it', async () => {
    const dir = scratchFolder();
    await bundled(join(dir, 'b'), [builder]);
    chmodSync(join(dir, 'b'), 0o440);
    symlinkSync('b', join(dir, 'link'));
    await sign(join(dir, 'link'), reviewer);
    expect(statSync(join(dir, 'b')).mode & 0o777).toBe(0o440);
    expect(readdirSync(dir).sort()).toEqual(['b', 'link']);
    await expectGood(join(dir, 'link'), builder, reviewer);
  });

  it('leaves the old file if the check fails, the file changes meanwhile, or the run is interrupted', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    await bundled(path);
    const before = contents(dir);
    const refused = new Error('damaged');
    await expect(sign(path, reviewer, { check: () => Promise.reject(refused) })).rejects.toThrow('damaged');
    const touch = async () => utimesSync(path, 1, 1);
    await expect(sign(path, reviewer, { check: touch })).rejects.toMatchObject({ code: 'output-exists' });
    const signal = AbortSignal.abort();
    await expect(sign(path, reviewer, { signal })).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
    expect(contents(dir)).toEqual(before);
  });

  it('replaces what a killed run has left, but no link', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    await bundled(path);
    writeFileSync(`${path}.signing`, 'half');
    await sign(path, builder);
    expect(readdirSync(dir)).toEqual(['b']);
    symlinkSync('b', `${path}.signing`);
    await expect(sign(path, reviewer)).rejects.toMatchObject({ code: 'file' });
    await expectGood(path, builder);
  });
});

describe('a signature beside a bundle', () => {
  it('leaves the bundle as it is, and counts like one in it', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    await bundled(path, [builder]);
    const bytes = sha256(path);
    expect(await sign(path, reviewer, { detached: true })).toMatchObject({ signatureFile: `${path}.signatures.json` });
    expect(sha256(path)).toBe(bytes);
    await expectGood(path, builder, reviewer);
    for (const detached of [true, false]) expect((await sign(path, reviewer, { detached })).status).toBe('up-to-date');
    await sign(path, ecdsa, { detached: true });
    await expectGood(path, builder, reviewer, ecdsa);
    expect(readdirSync(dir).sort()).toEqual(['b', 'b.signatures.json']);
  });

  it('stays with a bundle that is written again, and goes with one that is replaced', async () => {
    const path = join(scratchFolder(), 'b');
    await bundled(path);
    await sign(path, reviewer, { detached: true });
    await bundled(path, [builder], { force: true });
    await expectGood(path, builder, reviewer);
    await bundled(path, [], { force: true, graph: await graphOf(source, ['quay.io/a:1']) });
    expect(existsSync(`${path}.signatures.json`)).toBe(false);
  });

  it('is refused if its file is damaged', async () => {
    const path = join(scratchFolder(), 'b');
    await bundled(path, [builder]);
    for (const text of ['{', '{"schemaVersion":2}', '{"schemaVersion":1,"signatures":[{"payload":1}]}']) {
      writeFileSync(`${path}.signatures.json`, text);
      await expect(expectGood(path, builder)).rejects.toMatchObject({
        code: 'signature',
        message: expect.stringContaining('b.signatures.json'),
      });
    }
  });
});

describe('a bundle in parts', () => {
  it('is signed beside its parts, which stay as they are', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    const { parts = [] } = await bundled(path, [builder], { splitSize: 16_000 });
    const before = contents(dir);
    for (const name of ['b', 'b.001', 'b.parts.json']) await sign(join(dir, name), reviewer);
    const after = contents(dir);
    expect(after).toMatchObject(before);
    const added = Object.keys(after).filter((name) => before[name] === undefined);
    const key = createHash('sha256')
      .update(reviewer.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex')
      .slice(0, 8);
    expect(added.sort()).toEqual(
      ['b', ...parts]
        .map((name) => `${name}.sha256.${key}.sig`)
        .concat('b.signatures.json')
        .sort(),
    );
    for (const name of ['b', 'b.002', 'b.parts.json']) await expectGood(join(dir, name), builder, reviewer);
  });

  it('has checksums and their signatures, and none of a bundle that it replaces', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    await bundled(path, [ecdsa], { splitSize: 8000 });
    await bundled(path, [builder], { splitSize: 16_000, force: true });
    const names = readdirSync(dir);
    const parts = names.filter((name) => /\.\d{3}$/.test(name));
    const sums = names.filter((name) => name.endsWith('.sha256'));
    expect(sums.sort()).toEqual(['b', ...parts].map((name) => `${name}.sha256`).sort());
    const lines = [...parts, 'b.parts.json'].map((name) => `${sha256(join(dir, name))}  ${name}\n`);
    expect(readFileSync(join(dir, 'b.sha256'), 'utf8')).toBe(lines.join(''));
    expect(readFileSync(join(dir, 'b.001.sha256'), 'utf8')).toBe(lines[0]);
    const signed = names.filter((name) => name.endsWith('.sig'));
    expect(signed).toHaveLength(sums.length);
    for (const name of signed) {
      const text = readFileSync(join(dir, name.replace(/\.[0-9a-f]{8}\.sig$/, '')));
      expect(isValidSignature(builder.publicKey, text, readFileSync(join(dir, name)).toString('base64'))).toBe(true);
    }
    await bundled(path, [builder], { force: true });
    expect(readdirSync(dir)).toEqual(['b']);
  });

  it('gives the same files again, also with ECDSA', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'b');
    await bundled(path, [], { splitSize: 16_000 });
    await sign(path, ecdsa);
    const before = contents(dir);
    expect(await sign(path, ecdsa)).toMatchObject({ status: 'up-to-date', signatureFile: `${path}.signatures.json` });
    expect(contents(dir)).toEqual(before);
  });
});
