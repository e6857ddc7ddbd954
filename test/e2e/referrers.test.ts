import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, manifestAt, tagFor } from '../support/belonging.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { startEcr } from '../support/ecr.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startMeddler } from '../support/meddler.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { ecrEnvironment, startTunnel } from '../support/tunnel.ts';

/** Signatures, attestations and whatever else belongs to images, on the whole way. */

const SBOM = 'application/spdx+json';
const app = { repository: 'quay.io/acme/app', reference: 'quay.io/acme/app:1' };
const bare = 'quay.io/acme/bare:1';

interface Upstream {
  readonly host: string;
  readonly index: string;
  readonly child: string;
  readonly signature: string;
  readonly childSignature: string;
  readonly sbom: string;
  readonly flags: readonly string[];
  stop(): Promise<void>;
}

/** Two images in a registry without the referrers API: one with everything, one with nothing. */
async function upstream(key: KeyObject): Promise<Upstream> {
  const registry = await startRegistry();
  const { host } = registry;
  const { repository } = app;
  const index = await pushImage(host, repository, '1');
  await pushImage(host, 'quay.io/acme/bare', '1');
  const children = (await manifestAt(host, repository, '1'))?.json.manifests as { digest: string }[];
  const child = children[0]?.digest ?? '';
  const sign = (digest: string): Promise<string> =>
    pushBuilt(host, repository, tagFor(digest, 'sig'), cosignSignature(key, repository, digest));
  const [signature, childSignature] = [await sign(index), await sign(child)];
  const size = JSON.stringify((await manifestAt(host, repository, index))?.json).length;
  const sbom = buildArtifact({
    artifactType: SBOM,
    layers: [{ mediaType: SBOM, bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }],
    subject: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: index, size },
    annotations: { 'org.example.by': 'tests' },
  });
  await pushBuilt(host, repository, undefined, sbom);
  await listUnderTag(host, repository, index, sbom);
  const flags = ['--mirror', `*=${host}`, '--plain-http', host];
  return { host, index, child, signature, childSignature, sbom: sbom.digest, flags, stop: registry.stop };
}

function keys(home: string): { signer: KeyObject; file: string; other: string } {
  const write = (name: string, key: KeyObject): string => {
    writeFileSync(join(home, name), key.export({ type: 'spki', format: 'pem' }));
    return join(home, name);
  };
  const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ed25519');
  return {
    signer: signer.privateKey,
    file: write('cosign.pub', signer.publicKey),
    other: write('other.pub', other.publicKey),
  };
}

test('signatures and the like are carried, read back, and listed where the registry keeps no list', async () => {
  const home = scratchFolder();
  const { signer } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  const out = ['bundle', '--image', app.reference, '--image', bare, ...from.flags, '--out'];
  try {
    await airgapOk([...out, file], home);
    await airgapOk([...out, join(home, 'again.tar')], home);
    await airgapOk([...out, join(home, 'without.tar'), '--no-referrers'], home);
  } finally {
    await from.stop();
  }
  expect(readFileSync(join(home, 'again.tar')).equals(readFileSync(file))).toBe(true);
  await airgapOk(['verify', file], home);
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const [withAll, without] = lock.images;
  expect(withAll.referrers.map(({ digest }: { digest: string }) => digest).sort()).toEqual(
    [from.signature, from.childSignature, from.sbom].sort(),
  );
  expect(without.referrers).toBeUndefined();
  const text = (await airgapOk(['inspect', file], home)).stdout;
  expect(text).toMatch(/^signature +sha256:\w+ +quay\.io\/acme\/app:1$/m);
  const changes = (await airgapOk(['diff', join(home, 'without.tar'), file], home)).stdout;
  expect(changes).toContain('signatures and the like added:\n  quay.io/acme/app:1: ');
  // Another tool reads the images beside them.
  const raw = await program('skopeo', ['inspect', '--raw', `oci-archive:${file}:${app.reference}`], home);
  expect(JSON.parse(raw).manifests).toHaveLength(2);

  const target = await startRegistry();
  try {
    const push = ['push', file, '--to', `${target.host}/m`, '--plain-http', target.host, '-o', 'json'];
    const planned = JSON.parse((await airgapOk([...push, '--dry-run'], home)).stdout).referrers;
    expect(planned.items.map(({ via, status }: Record<string, string>) => `${status} ${via}`).sort()).toEqual([
      'send cosign-tag',
      'send cosign-tag',
      'send fallback-tag',
    ]);
    expect(planned.bytes).toBeGreaterThan(500);
    const receipt = join(home, 'receipt.json');
    const first = JSON.parse((await airgapOk([...push, '--receipt', receipt], home)).stdout);
    expect(first.referrers).toEqual({ pushed: 3, present: 0, kept: 0, refused: 0 });
    const there = (reference: string) => manifestAt(target.host, `m/${app.repository}`, reference);
    expect((await there(tagFor(from.index, 'sig')))?.digest).toBe(from.signature);
    expect((await there(tagFor(from.child, 'sig')))?.digest).toBe(from.childSignature);
    const list = (await there(tagFor(from.index)))?.json.manifests as { digest: string }[];
    expect(list).toMatchObject([{ digest: from.sbom, artifactType: SBOM, annotations: { 'org.example.by': 'tests' } }]);
    const again = JSON.parse((await airgapOk(push, home)).stdout);
    expect(again.referrers).toEqual({ pushed: 0, present: 3, kept: 0, refused: 0 });
    const told = (await airgapOk(push.slice(0, -2).concat('--dry-run'), home)).stdout;
    expect(told).toMatch(
      new RegExp(`^signature +sha256:\\w+ +${target.host}/m/quay\\.io/acme/app@sha256:\\w+ +present$`, 'm'),
    );
    expect(told).toContain('signatures and the like: 0 to send with 0 blobs (0 B), 3 there');
    await checkReceipt(receipt, target.host, from);
    // By now somebody else has signed the image there.
    for (const more of [[], ['--dry-run']]) {
      const refused = await airgap([...push, ...more], home);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`${target.host}/m/${app.repository}:${tagFor(from.index, 'sig')} is sha256:`);
    }
    const kept = JSON.parse((await airgapOk([...push, '--on-existing-tag', 'skip'], home)).stdout);
    expect(kept.referrers).toEqual({ pushed: 0, present: 2, kept: 1, refused: 0 });
  } finally {
    await target.stop();
  }
});

/** What a receipt says of signatures and the like, and what becomes of that when one is lost and one is no longer listed. */
async function checkReceipt(receipt: string, host: string, { index, signature, sbom }: Upstream): Promise<void> {
  const home = scratchFolder();
  const written = JSON.parse(readFileSync(receipt, 'utf8')).referrers as Record<string, string>[];
  const repository = `${host}/m/${app.repository}`;
  expect(written).toContainEqual({
    kind: 'signature',
    repository,
    subject: index,
    tag: tagFor(index, 'sig'),
    digest: signature,
    via: 'cosign-tag',
    status: 'pushed',
    at: expect.stringMatching(/^\d{4}-/),
  });
  expect(written).toContainEqual(
    expect.objectContaining({ kind: SBOM, repository, subject: index, digest: sbom, via: 'fallback-tag' }),
  );
  const verify = ['verify', '--receipt', receipt, '--plain-http', host];
  expect((await airgapOk(verify, home)).stdout).toContain('all 2 tags and 3 signatures and the like as');
  // Somebody else writes an empty list, and another signature.
  const path = `m/${app.repository}`;
  const type = 'application/vnd.oci.image.index.v1+json';
  const empty = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] }));
  const digest = `sha256:${createHash('sha256').update(empty).digest('hex')}`;
  const list = { digest, mediaType: type, manifests: [{ mediaType: type, digest, bytes: empty }], blobs: new Map() };
  await pushBuilt(host, path, tagFor(index), list);
  const other = buildArtifact({ layers: [{ mediaType: 'application/json', bytes: Buffer.from('{}') }] });
  await pushBuilt(host, path, tagFor(index, 'sig'), other);
  const { code, stdout } = await airgap(verify, home);
  expect(code).toBe(3);
  expect(stdout).toContain(`${repository}:${tagFor(index, 'sig')} is ${other.digest}, and was ${signature}`);
  expect(stdout).toContain(`${repository}@${sbom} is there, and no longer listed as belonging to ${index}`);
}

test('an extracted image has its signatures with it, and takes them to a registry', async () => {
  const home = scratchFolder();
  const { signer, file: key } = keys(home);
  const file = join(home, 'app.tar');
  const [one, without] = [join(home, 'one.tar'), join(home, 'without.tar')];
  const from = await upstream(signer);
  try {
    await airgapOk(['bundle', '--image', app.reference, '--image', bare, ...from.flags, '--out', file], home);
  } finally {
    await from.stop();
  }
  const told = (await airgapOk(['extract', file, '--image', app.reference, '--out', one], home)).stdout;
  expect(told).toContain('and 3 signatures and the like');
  await airgapOk(['extract', file, '--image', app.reference, '--no-referrers', '--out', without], home);
  await airgapOk(['verify', one, '--verify-signatures', key], home);
  expect((await airgap(['verify', without, '--verify-signatures', key], home)).code).toBe(3);
  const raw = await program('skopeo', ['inspect', '--raw', `oci-archive:${one}:${app.reference}`], home);
  expect(await program('skopeo', ['inspect', '--raw', `oci-archive:${without}`], home)).toBe(raw);
  const target = await startRegistry();
  try {
    await airgapOk(['push', one, '--to', `${target.host}/m`, '--plain-http', target.host], home);
    const sent = await manifestAt(target.host, `m/${app.repository}`, tagFor(from.index, 'sig'));
    expect(sent?.digest).toBe(from.signature);
  } finally {
    await target.stop();
  }
});

test('a choice of platforms leaves the signature of the index behind, and says so', async () => {
  const home = scratchFolder();
  const { signer, file: key } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  try {
    const args = ['bundle', '--image', app.reference, '--platform', 'linux/amd64', ...from.flags, '--out', file];
    const { stderr } = await airgapOk([...args, '--verify-signatures', key], home);
    expect(stderr).toContain(
      `are not pushed, because the choice of platforms made other indexes of them: ${app.repository}`,
    );
  } finally {
    await from.stop();
  }
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const [image] = lock.images;
  expect(image.sourceDigest).toBe(from.index);
  const kept = image.referrers.filter(({ leftOut }: { leftOut?: true }) => !leftOut);
  expect(kept).toMatchObject([{ digest: from.childSignature, subject: from.child }]);
  expect(image.referrers).toHaveLength(3);
  // What is left is signed of itself.
  await airgapOk(['verify', file, '--verify-signatures', key], home);
});

test('signatures are verified before a bundle is accepted, and again without a network', async () => {
  const home = scratchFolder();
  const { signer, file: key, other } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  try {
    const out = ['--out', file, ...from.flags];
    const images = ['--image', app.reference, '--image', bare];
    const refused = await airgap(['bundle', ...images, '--verify-signatures', key, ...out], home);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(`${bare} has no cosign signature`);
    expect(refused.stderr).not.toContain(`${app.reference} has no cosign signature`);
    const byOther = await airgap(['bundle', ...images, '--verify-signatures', other, ...out], home);
    expect(byOther.stderr).toContain(`${bare} has no cosign signature`);
    expect(byOther.stderr).toContain(`${app.reference} has no cosign signature`);
    const together = ['--verify-signatures', other, '--verify-signatures', key];
    await airgapOk(['bundle', '--image', app.reference, ...together, ...out], home);
  } finally {
    await from.stop();
  }
  await airgapOk(['verify', file, '--verify-signatures', key], home);
  const wrong = await airgap(['verify', file, '--verify-signatures', other], home);
  expect(wrong.code).toBe(3);
  expect(wrong.stderr).toContain(`${app.reference} has no cosign signature of ${from.index} by the key`);
});

test('ECR lists them itself, and what it does not take is a warning unless it is required', async () => {
  const home = scratchFolder();
  const { signer } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  const size = JSON.stringify((await manifestAt(from.host, app.repository, from.index))?.json).length;
  const subject = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: from.index, size };
  const layers = [{ mediaType: 'application/json', bytes: Buffer.from('{"a":1}') }];
  const disliked = buildArtifact({ artifactType: 'application/vnd.example+json;version=0.2', layers, subject });
  try {
    await pushBuilt(from.host, app.repository, undefined, disliked);
    await listUnderTag(from.host, app.repository, from.index, disliked);
    await airgapOk(['bundle', '--image', app.reference, ...from.flags, '--out', file], home);
  } finally {
    await from.stop();
  }
  const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const ecr = await startEcr();
  const tunnel = await startTunnel(ecr.host);
  try {
    const env = ecrEnvironment(ecr.endpoint, tunnel);
    const http = ['--plain-http', host, '--plain-http', ecr.storage];
    const receipt = join(home, 'receipt.json');
    const push = ['push', file, '--to', `${host}/m`, ...http, '--receipt', receipt, '-o', 'json'];
    const first = await airgapOk(push, home, { env });
    expect(JSON.parse(first.stdout).referrers).toEqual({ pushed: 2, present: 0, kept: 0, refused: 1 });
    expect(first.stderr).toContain('the registry does not take 1 referrer;');
    const { referrers: written } = JSON.parse(readFileSync(receipt, 'utf8')) as { referrers: Record<string, string>[] };
    expect(written.find(({ status }) => status === 'refused')).toMatchObject({
      digest: disliked.digest,
      via: 'referrers-api',
      reason: expect.stringContaining('405'),
    });
    const check = ['verify', '--receipt', receipt, ...http];
    expect((await airgapOk(check, home, { env })).stdout).toContain('1 of what belongs to images it did not take then');
    const strict = await airgap([...push, '--require-referrers'], home, { env });
    expect(strict.code).toBe(1);
    expect(strict.stderr).toContain('405');
    // No list is kept by hand where the registry keeps it.
    const repository = ecr.repositories.get(`m/${app.repository}`);
    expect(repository?.tags.has(tagFor(from.index))).toBe(false);
    expect(repository?.tags.get(tagFor(from.index, 'sig'))).toBe(from.signature);
  } finally {
    await tunnel.stop();
    await ecr.stop();
  }
});

test.each([
  [400, 'a tag', /\/sha256-\w+(?:\.att)?$/],
  [403, 'the API', /\/referrers\//],
])(
  'a registry that answers %i to questions for %s ends no run, unless signatures are wanted',
  async (status, _, asked) => {
    const home = scratchFolder();
    const { signer, file: key } = keys(home);
    const from = await upstream(signer);
    const meddler = await startMeddler(from.host, (_, path) =>
      asked.test(path) ? { kind: 'status', status } : undefined,
    );
    const file = join(home, 'app.tar');
    const flags = ['--mirror', `*=${meddler.host}`, '--plain-http', meddler.host];
    const bundle = ['bundle', '--image', app.reference, '--image', bare, '--force', ...flags, '--out'];
    try {
      const { stdout, stderr } = await airgapOk([...bundle, file, '-o', 'json'], home);
      expect(JSON.parse(stdout)).toMatchObject({
        unanswered: [
          {
            registry: 'quay.io',
            images: [app.reference, bare].sort(),
            reason: expect.stringContaining(String(status)),
          },
        ],
      });
      expect(stderr).toMatch(/warning: .*quay\.io\/acme\/app:1, quay\.io\/acme\/bare:1/);
      expect((await airgapOk(['inspect', file], home)).stdout).toContain('signature');
      const strict = await airgap([...bundle, join(home, 'strict.tar'), '--require-referrers'], home);
      expect([strict.code, existsSync(join(home, 'strict.tar'))]).toEqual([1, false]);
      const verified = await airgap([...bundle, join(home, 'verified.tar'), '--verify-signatures', key], home);
      expect([verified.code, existsSync(join(home, 'verified.tar'))]).toEqual([3, false]);
      expect(verified.stderr).toMatch(new RegExp(`Error: quay\\.io/acme/bare:1 .*${status}`));
      await airgapOk(['verify', file], home);
    } finally {
      await meddler.stop();
      await from.stop();
    }
  },
);

test('layers of other kinds, empty ones, and what is no image at all, are carried as they are', async () => {
  const home = scratchFolder();
  const file = join(home, 'odd.tar');
  const layer = (kind: string, bytes: Buffer) => ({ mediaType: `application/vnd.oci.image.layer.v1.${kind}`, bytes });
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: Buffer.from('{"os":"linux"}') };
  const layers = [layer('tar+zstd', Buffer.from('28b52ffd', 'hex')), layer('tar', Buffer.alloc(0))];
  const image = buildArtifact({ config, layers });
  const model = buildArtifact({
    artifactType: 'application/vnd.example.model',
    layers: [layer('tar', Buffer.from('x'))],
  });
  const registry = await startRegistry();
  const { host } = registry;
  try {
    await pushBuilt(host, 'quay.io/acme/odd', '1', image);
    await pushBuilt(host, 'quay.io/acme/model', '1', model);
    const images = ['--image', 'quay.io/acme/odd:1', '--image', 'quay.io/acme/model:1'];
    const http = ['--plain-http', host];
    await airgapOk(['bundle', ...images, '--mirror', `*=${host}`, ...http, '--out', file], home);
    await airgapOk(['verify', file], home);
    await airgapOk(['push', file, '--to', `${host}/m`, ...http], home);
    expect((await manifestAt(host, 'm/quay.io/acme/odd', '1'))?.digest).toBe(image.digest);
    expect((await manifestAt(host, 'm/quay.io/acme/model', '1'))?.digest).toBe(model.digest);
  } finally {
    await registry.stop();
  }
});
