import { expect, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { withSource } from '../../../../src/oci/content.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { formatRepository, parseReference } from '../../../../src/oci/reference.ts';
import {
  type Answer,
  type AskedRegistries,
  askRegistries,
} from '../../../../src/workflows/public-ecr/ask-registries.ts';
import { classify } from '../../../../src/workflows/public-ecr/classify.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { addReferrer, addTagged } from '../../../support/referrers.ts';

const HUB = 'docker.io/library/app';
const PUBLIC = 'public.ecr.aws/docker/library/app';
const NAME = `${HUB}:1`;
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const ATTESTATION = { os: 'unknown', architecture: 'unknown' };

async function ask(registries: AskedRegistries, ...names: string[]): Promise<Answer[]> {
  const images = names.map((reference) => ({ reference, ...classify(parseReference(reference)) }));
  const answers = await askRegistries({ emit: ignoreEvents }, registries, images, 4);
  return names.map((name) => answers.get(name) ?? {});
}

/** Pushes an index with a manifest for each platform, of which `attestation` changes only the index. */
function addIndex(
  registry: MemoryRegistry,
  repository: string,
  platforms: readonly object[],
  content = 'app',
): Descriptor {
  const manifests = platforms.map((platform) => ({
    ...registry.addImage(repository, undefined, [noise(`${content} ${JSON.stringify(platform)}`, 50)]),
    platform,
  }));
  return registry.addIndex(repository, '1', manifests);
}

test('the same digest is verified, with two requests', async () => {
  const registry = new MemoryRegistry();
  const { digest } = addIndex(registry, HUB, [AMD64, ARM64]);
  addIndex(registry, PUBLIC, [AMD64, ARM64]);
  expect(await ask(registry, NAME)).toEqual([
    { status: 'verified', digest, equivalentDigest: digest, losesSignatures: false },
  ]);
  expect(registry.log.filter((line) => line.startsWith('GET'))).toEqual([]);
});

test('an index that differs by attestations only is verified by its platforms', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, HUB, [AMD64, ARM64, ATTESTATION]);
  addIndex(registry, PUBLIC, [AMD64, ARM64]);
  expect(await ask(registry, NAME)).toMatchObject([
    {
      status: 'verified',
      platforms: ['linux/amd64', 'linux/arm64'],
      equivalentPlatforms: ['linux/amd64', 'linux/arm64'],
    },
  ]);
});

test('a plain manifest is compared by the platform of its config', async () => {
  const registry = new MemoryRegistry();
  const { digest } = registry.addImage(HUB, '1', [noise('plain', 50)]);
  const there = registry.addImage(PUBLIC, undefined, [noise('plain', 50)]);
  registry.addIndex(PUBLIC, '1', [{ ...there, platform: AMD64 }]);
  expect(there.digest).toBe(digest);
  expect(await ask(registry, NAME)).toMatchObject([{ status: 'verified', platforms: ['linux/amd64'] }]);
});

test('other content is a different digest, fewer platforms are different platforms', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, HUB, [AMD64, ARM64]);
  addIndex(registry, PUBLIC, [AMD64, ARM64], 'built again');
  expect(await ask(registry, NAME)).toMatchObject([{ status: 'different-digest' }]);
  addIndex(registry, PUBLIC, [ARM64]);
  expect(await ask(registry, NAME)).toMatchObject([
    { status: 'different-platforms', missingPlatforms: ['linux/amd64'] },
  ]);
});

test('more platforms at the equivalent do no harm', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, HUB, [AMD64]);
  addIndex(registry, PUBLIC, [AMD64, ARM64]);
  expect(await ask(registry, NAME)).toMatchObject([{ status: 'verified' }]);
});

test('a digest is asked for by digest, whatever the tag', async () => {
  const registry = new MemoryRegistry();
  const { digest } = addIndex(registry, HUB, [AMD64]);
  const pinned = `${HUB}:other@${digest}`;
  expect(await ask(registry, pinned)).toMatchObject([{ status: 'not-found', digest }]);
  addIndex(registry, PUBLIC, [AMD64]);
  expect(await ask(registry, pinned)).toMatchObject([{ status: 'verified' }]);
});

test('signatures by cosign tag and by referrer count', async () => {
  const registry = new MemoryRegistry();
  const subject = addIndex(registry, HUB, [AMD64]);
  addIndex(registry, PUBLIC, [AMD64]);
  addTagged(registry, HUB, subject);
  expect(await ask(registry, NAME)).toMatchObject([{ losesSignatures: true }]);
  registry.listsReferrers = true;
  addReferrer(registry, PUBLIC, subject);
  expect(await ask(registry, NAME)).toMatchObject([{ losesSignatures: true }]);
  addReferrer(registry, PUBLIC, subject, 'application/vnd.dev.sigstore.bundle.v0.3+json');
  expect(await ask(registry, NAME)).toMatchObject([{ losesSignatures: false }]);
});

test('what refuses or does not answer is unconfirmed, and nothing is guessed', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, HUB, [AMD64]);
  addIndex(registry, PUBLIC, [AMD64]);
  for (const [host, code] of [
    ['docker.io', 'unauthorized'],
    ['docker.io', 'network'],
    ['public.ecr.aws', 'rate-limited'],
    ['public.ecr.aws', 'forbidden'],
  ] as const) {
    const refusing = withSource(registry, {
      head: async (repository, name) => {
        if (repository.registry === host)
          throw new AirgapError(code as never, `${formatRepository(repository)} refuses`);
        return registry.head(repository, name);
      },
    });
    const [answer] = await ask(refusing, NAME);
    expect(answer, `${host} ${code}`).toMatchObject({ status: 'unconfirmed', why: expect.stringContaining(host) });
  }
});

test('platforms that cannot be read leave an image unconfirmed', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, HUB, [AMD64]);
  addIndex(registry, PUBLIC, [AMD64], 'other');
  const refusing = withSource(registry, {
    manifest: async () => {
      throw new AirgapError('registry', 'no more pulls');
    },
  });
  expect(await ask(refusing, NAME)).toMatchObject([{ status: 'unconfirmed', why: 'no more pulls' }]);
});

test('an image in Public ECR is only looked for, and a retired one not at all', async () => {
  const registry = new MemoryRegistry();
  registry.addImage('public.ecr.aws/eks/pause', '3', [noise('pause', 20)]);
  const names = [
    'public.ecr.aws/eks/pause:3',
    'public.ecr.aws/eks/gone:3',
    'public.ecr.aws/bitnami/redis:7',
    'quay.io/a/b:1',
  ];
  expect(await ask(registry, ...names)).toMatchObject([{ status: 'verified' }, { status: 'not-found' }, {}, {}]);
  expect(registry.log.join('\n')).not.toMatch(/bitnami|quay/);
});

test('a source that is gone cannot be compared', async () => {
  const registry = new MemoryRegistry();
  addIndex(registry, PUBLIC, [AMD64]);
  expect(await ask(registry, NAME)).toMatchObject([{ status: 'unconfirmed', why: expect.stringContaining(NAME) }]);
});
