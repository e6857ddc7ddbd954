import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, manifestAt, tagFor } from '../support/artifacts.ts';
import { airgap, airgapOk, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { ecrEnvironment } from '../support/ecr/access.ts';
import { startEcr } from '../support/ecr.ts';
import { expectFacts, expectLine, expectWarning, linesWith } from '../support/facts.ts';
import { pushBuilt, pushImage } from '../support/images.ts';
import { startProxyTo } from '../support/proxy.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';

/** Signatures, attestations and other referrers, end to end. */

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

/** Two images in a registry without the referrers API: one with signatures and an SBOM, one without referrers. */
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

test('referrers are bundled, pushed, and listed under the fallback tag where the registry has no referrers API', async () => {
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
  expectLine(changes, app.reference, /signature/);
  // Another tool can still read the images.
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
    const report = (await airgapOk(push.slice(0, -2).concat('--dry-run'), home)).stdout;
    expectLine(report, /^signature +sha256:/, `${target.host}/m/quay.io/acme/app@sha256:`, /\bpresent$/);
    const plan = JSON.parse((await airgapOk([...push, '--dry-run'], home)).stdout).referrers;
    expect(plan).toMatchObject({ blobs: 0, bytes: 0 });
    expect(plan.items.map(({ status }: { status: string }) => status)).toEqual(Array(3).fill('present'));
    await checkReceipt(receipt, target.host, from);
    // Another signature is there now.
    for (const more of [[], ['--dry-run']]) {
      const refused = await airgap([...push, ...more], home);
      expect(refused.code).toBe(1);
      expectLine(refused.stderr, `${target.host}/m/${app.repository}:${tagFor(from.index, 'sig')}`, 'sha256:');
    }
    const kept = JSON.parse((await airgapOk([...push, '--on-existing-tag', 'skip'], home)).stdout);
    expect(kept.referrers).toEqual({ pushed: 0, present: 2, kept: 1, refused: 0 });
  } finally {
    await target.stop();
  }
});

/** Checks the referrers of a receipt, then `verify --receipt` after one was replaced and one is no longer listed. */
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
  const intact = JSON.parse((await airgapOk([...verify, '-o', 'json'], home)).stdout);
  expect(intact).toMatchObject({ items: 2, referrers: 3, differences: [] });
  // Replaces the list by an empty one, and the signature by another.
  const path = `m/${app.repository}`;
  const type = 'application/vnd.oci.image.index.v1+json';
  const empty = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] }));
  const digest = digestOf(empty);
  const list = { digest, mediaType: type, manifests: [{ mediaType: type, digest, bytes: empty }], blobs: new Map() };
  await pushBuilt(host, path, tagFor(index), list);
  const other = buildArtifact({ layers: [{ mediaType: 'application/json', bytes: Buffer.from('{}') }] });
  await pushBuilt(host, path, tagFor(index, 'sig'), other);
  const { code, stdout } = await airgap(verify, home);
  expect(code).toBe(3);
  expectLine(stdout, `${repository}:${tagFor(index, 'sig')}`, other.digest, signature);
  expectLine(stdout, `${repository}@${sbom}`, index);
}

test('an extracted image includes its signatures, and a push of it sends them', async () => {
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
  const extract = ['extract', file, '--image', app.reference, '--out', one, '-o', 'json'];
  expect(JSON.parse((await airgapOk(extract, home)).stdout)).toMatchObject({ referrers: 3 });
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

test('a selection of platforms drops the signature of the index, with a warning', async () => {
  const home = scratchFolder();
  const { signer, file: key } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  try {
    const args = ['bundle', '--image', app.reference, '--platform', 'linux/amd64', ...from.flags, '--out', file];
    expectWarning(await airgapOk([...args, '--verify-signatures', key], home), app.repository, /platform/);
  } finally {
    await from.stop();
  }
  const { lock } = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  const [image] = lock.images;
  expect(image.sourceDigest).toBe(from.index);
  const kept = image.referrers.filter(({ leftOut }: { leftOut?: true }) => !leftOut);
  expect(kept).toMatchObject([{ digest: from.childSignature, subject: from.child }]);
  expect(image.referrers).toHaveLength(3);
  // The platform that is left has a signature of its own.
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
    expectLine(refused.stderr, bare, 'signature');
    expect(linesWith(refused.stderr, app.reference, 'signature')).toEqual([]);
    const byOther = await airgap(['bundle', ...images, '--verify-signatures', other, ...out], home);
    for (const image of [bare, app.reference]) expectFacts(byOther.stderr, image, 'signature');
    const together = ['--verify-signatures', other, '--verify-signatures', key];
    await airgapOk(['bundle', '--image', app.reference, ...together, ...out], home);
  } finally {
    await from.stop();
  }
  const verified = await airgapOk(['verify', file, '--verify-signatures', key, '-o', 'json'], home);
  const der = createPublicKey(readFileSync(key)).export({ type: 'spki', format: 'der' });
  const signatures = [{ digest: from.index, form: 'tag', key: digestOf(der) }];
  expect(JSON.parse(verified.stdout)).toMatchObject({
    kind: 'Verification',
    problems: [],
    imageSignatures: [{ image: app.reference, signatures }],
  });
  const failed = await airgap(['verify', file, '--verify-signatures', other, '-o', 'json'], home);
  expect(JSON.parse(failed.stdout)).toMatchObject({ kind: 'Failure', completed: [{ kind: 'Verification' }] });
  const wrong = await airgap(['verify', file, '--verify-signatures', other], home);
  expect(wrong.code).toBe(3);
  expectLine(wrong.stderr, app.reference, from.index, 'signature');
});

test('ECR lists referrers itself; one that it refuses is a warning, and an error with --require-referrers', async () => {
  const home = scratchFolder();
  const { signer } = keys(home);
  const file = join(home, 'app.tar');
  const from = await upstream(signer);
  const size = JSON.stringify((await manifestAt(from.host, app.repository, from.index))?.json).length;
  const subject = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: from.index, size };
  const layers = [{ mediaType: 'application/json', bytes: Buffer.from('{"a":1}') }];
  const refused = buildArtifact({ artifactType: 'application/vnd.example+json;version=0.2', layers, subject });
  try {
    await pushBuilt(from.host, app.repository, undefined, refused);
    await listUnderTag(from.host, app.repository, from.index, refused);
    await airgapOk(['bundle', '--image', app.reference, ...from.flags, '--out', file], home);
  } finally {
    await from.stop();
  }
  const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const ecr = await startEcr();
  const proxy = await startProxyTo(ecr.host);
  try {
    const env = ecrEnvironment(ecr.endpoint, proxy);
    const http = ['--plain-http', host, '--plain-http', ecr.storage];
    const receipt = join(home, 'receipt.json');
    const push = ['push', file, '--to', `${host}/m`, ...http, '--receipt', receipt, '-o', 'json'];
    const first = await airgapOk(push, home, { env });
    expect(JSON.parse(first.stdout).referrers).toEqual({ pushed: 2, present: 0, kept: 0, refused: 1 });
    expectWarning(first, host, /\b1\b/, 'referrer');
    const { referrers: written } = JSON.parse(readFileSync(receipt, 'utf8')) as { referrers: Record<string, string>[] };
    expect(written.find(({ status }) => status === 'refused')).toMatchObject({
      digest: refused.digest,
      via: 'referrers-api',
      reason: expect.stringContaining('405'),
    });
    const check = ['verify', '--receipt', receipt, ...http];
    expect(JSON.parse((await airgapOk([...check, '-o', 'json'], home, { env })).stdout)).toMatchObject({ refused: 1 });
    const strict = await airgap([...push, '--require-referrers'], home, { env });
    expect(strict.code).toBe(1);
    // The error names what it is about.
    expectLine(strict.stderr, `referrers of ${host}/m/${app.repository}@${from.index}`, '405');
    // No fallback tag where the registry has the referrers API.
    const repository = ecr.repositories.get(`m/${app.repository}`);
    expect(repository?.tags.has(tagFor(from.index))).toBe(false);
    expect(repository?.tags.get(tagFor(from.index, 'sig'))).toBe(from.signature);
  } finally {
    proxy.stop();
    await ecr.stop();
  }
});

test.each([
  [400, 'a tag', /\/sha256-\w+(?:\.att)?$/],
  [403, 'the API', /\/referrers\//],
])(
  'a registry that answers %i to requests for %s fails no run, unless signatures are required',
  async (status, _, pattern) => {
    const home = scratchFolder();
    const { signer, file: key } = keys(home);
    const from = await upstream(signer);
    const proxy = await startTamperingProxy(from.host, (_, path) =>
      pattern.test(path) ? { kind: 'status', status } : undefined,
    );
    const file = join(home, 'app.tar');
    const flags = ['--mirror', `*=${proxy.host}`, '--plain-http', proxy.host];
    const bundle = ['bundle', '--image', app.reference, '--image', bare, '--force', ...flags, '--out'];
    try {
      const run = await airgapOk([...bundle, file, '-o', 'json'], home);
      expect(JSON.parse(run.stdout)).toMatchObject({
        unanswered: [
          {
            registry: 'quay.io',
            images: [app.reference, bare].sort(),
            reason: expect.stringContaining(String(status)),
          },
        ],
      });
      expectWarning(run, app.reference, bare);
      expect((await airgapOk(['inspect', file], home)).stdout).toContain('signature');
      const strict = await airgap([...bundle, join(home, 'strict.tar'), '--require-referrers'], home);
      expect([strict.code, existsSync(join(home, 'strict.tar'))]).toEqual([1, false]);
      const verified = await airgap([...bundle, join(home, 'verified.tar'), '--verify-signatures', key], home);
      expect([verified.code, existsSync(join(home, 'verified.tar'))]).toEqual([3, false]);
      expectLine(verified.stderr, bare, String(status));
      await airgapOk(['verify', file], home);
    } finally {
      await proxy.stop();
      await from.stop();
    }
  },
);

test('layers of other media types, empty layers and artifacts that are no images are carried unchanged', async () => {
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
