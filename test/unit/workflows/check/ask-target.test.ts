import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { MediaType } from '../../../../src/oci/descriptor.ts';
import { type Platform, parsePlatform } from '../../../../src/oci/platform.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { TargetQuestions } from '../../../../src/workflows/check/ask-target.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';

const R = 'r.example/m';
const base = noise('base', 100);

function ask(registry: MemoryRegistry, name: string, ...platforms: readonly string[]) {
  return questions(registry, ...platforms).ask(parseReference(`${R}/${name}`));
}

function questions(registry: MemoryRegistry, ...platforms: readonly string[]): TargetQuestions {
  const nodes: readonly Platform[] = (platforms.length > 0 ? platforms : ['linux/amd64']).map(parsePlatform);
  return new TargetQuestions(registry, nodes, 8);
}

/** Adds an index of images, by platform; each has a layer of its own and one in common. */
function addIndex(registry: MemoryRegistry, repository: string, tag: string, ...platforms: readonly string[]) {
  const children = platforms.map((platform) => ({
    ...registry.addImage(`${R}/${repository}`, undefined, [base, noise(platform, 10)], platform),
    platform: parsePlatform(platform),
  }));
  return registry.addIndex(`${R}/${repository}`, tag, children);
}

describe('an image of an index', () => {
  it('is asked for as a node pulls it: index, manifest of its platform, config and layers', async () => {
    const registry = new MemoryRegistry();
    const index = addIndex(registry, 'a', '1', 'linux/amd64', 'linux/arm64');
    expect(await ask(registry, 'a:1')).toEqual({
      status: 'ok',
      digest: index.digest,
      platforms: ['linux/amd64', 'linux/arm64'],
    });
    expect(registry.log.map((line) => line.split(' ')[0])).toEqual(['GET', 'GET', 'HEAD', 'HEAD', 'HEAD']);
  });

  it('must have all wanted platforms', async () => {
    const registry = new MemoryRegistry();
    addIndex(registry, 'a', '1', 'linux/amd64', 'linux/s390x');
    const answer = await ask(registry, 'a:1', 'linux/amd64', 'linux/arm64');
    expect(answer).toMatchObject({ status: 'wrong-platform', platforms: ['linux/amd64', 'linux/s390x'] });
    expect(answer.detail).toContain('linux/arm64');
    expect(await ask(registry, 'a:1', 'linux/amd64', 'linux/s390x')).toMatchObject({ status: 'ok' });
  });

  it('is the best that the node runs', async () => {
    const registry = new MemoryRegistry();
    addIndex(registry, 'a', '1', 'linux/arm/v5', 'linux/arm/v7', 'linux/arm64');
    await ask(registry, 'a:1', 'linux/arm/v6');
    const [, , config] = registry.log;
    const v5 = JSON.parse(Buffer.from(registry.manifests.values().next().value?.bytes ?? '').toString());
    expect(config).toContain(v5.config.digest);
  });

  it('may be in an index in the index, or have its platform in its config only', async () => {
    const registry = new MemoryRegistry();
    const inner = addIndex(registry, 'a', 'inner', 'linux/arm64');
    const unlisted = registry.addImage(`${R}/a`, undefined, [base]);
    registry.addIndex(`${R}/a`, '1', [inner, unlisted]);
    expect(await ask(registry, 'a:1', 'linux/amd64', 'linux/arm64')).toMatchObject({
      status: 'ok',
      platforms: ['linux/amd64', 'linux/arm64'],
    });
  });

  it('is incomplete if its manifest is missing', async () => {
    const registry = new MemoryRegistry();
    const child = { ...registry.addImage(`${R}/a`, undefined, [base]), platform: parsePlatform('linux/amd64') };
    registry.addIndex(`${R}/a`, '1', [child]);
    registry.manifests.delete(`${R}/a@${child.digest}`);
    const answer = await ask(registry, 'a:1');
    expect(answer.status).toBe('incomplete');
    expect(answer.detail).toContain(child.digest);
  });
});

describe('an image without an index', () => {
  it('has its platform in its config, which is read and not asked for again', async () => {
    const registry = new MemoryRegistry();
    registry.addImage(`${R}/a`, '1', [base], 'linux/arm64');
    expect(await ask(registry, 'a:1')).toMatchObject({ status: 'wrong-platform', platforms: ['linux/arm64'] });
    registry.log.length = 0;
    expect(await ask(registry, 'a:1', 'linux/arm64')).toMatchObject({ status: 'ok' });
    expect(registry.log.map((line) => line.split(' ')[0])).toEqual(['GET', 'OPEN', 'HEAD']);
  });

  it.for([['config'], ['layers']] as const)('is incomplete without its %s', async ([what]) => {
    const registry = new MemoryRegistry();
    registry.addImage(`${R}/a`, '1', [base]);
    const [content] = registry.manifests.values();
    const manifest = JSON.parse(Buffer.from(content?.bytes ?? []).toString());
    const { digest } = [manifest[what]].flat()[0];
    registry.blobs.delete(`${R}/a@${digest}`);
    const answer = await ask(registry, 'a:1');
    expect(answer.status).toBe('incomplete');
    expect(answer.detail).toContain(digest);
  });

  it('and without a platform is pulled by every node', async () => {
    const registry = new MemoryRegistry();
    const config = registry.addBlob(`${R}/a`, MediaType.empty, Buffer.from('{}'));
    const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] };
    registry.addManifest(`${R}/a`, manifest, MediaType.ociManifest, '1');
    expect(await ask(registry, 'a:1', 'linux/s390x')).toMatchObject({ status: 'ok' });
  });
});

describe('requests', () => {
  it('are one for each manifest, and one for each blob and repository', async () => {
    const registry = new MemoryRegistry();
    addIndex(registry, 'a', '1', 'linux/amd64', 'linux/arm64');
    registry.tags.set(`${R}/a:same`, registry.tags.get(`${R}/a:1`) as never);
    addIndex(registry, 'a', '2', 'linux/arm64', 'linux/amd64');
    addIndex(registry, 'b', '1', 'linux/amd64', 'linux/arm64');
    const asked = questions(registry, 'linux/amd64', 'linux/arm64');
    const names = ['a:1', 'a:same', 'a:2', 'b:1', 'a:1'].map((name) => parseReference(`${R}/${name}`));
    const answers = await Promise.all(names.map((name) => asked.ask(name)));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 'ok'));
    expect(new Set(registry.log).size).toBe(registry.log.length);
    const heads = registry.log.filter((line) => line.startsWith('HEAD'));
    // In each repository two configs, a common layer, and a layer for each platform.
    expect(heads).toHaveLength(2 * 5);
  });

  it('end with the first that has no answer', async () => {
    const registry = new MemoryRegistry();
    let sent = 0;
    registry.manifest = async () => {
      sent += 1;
      throw new AirgapError('network', 'r.example refused the connection', { hint: 'start it' });
    };
    const asked = questions(registry);
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => asked.ask(parseReference(`${R}/${name}:1`))));
    const answer = { status: 'unreachable', message: 'r.example refused the connection', hint: 'start it' };
    expect(answers).toEqual([answer, answer, answer]);
    expect(sent).toBe(1);
  });

  it('go on after one that is refused', async () => {
    const registry = new MemoryRegistry();
    addIndex(registry, 'a', '1', 'linux/amd64');
    const manifest = registry.manifest.bind(registry);
    registry.manifest = async (repository, name) => {
      if (repository.path === 'm/secret') throw new AirgapError('forbidden', 'no access');
      return manifest(repository, name);
    };
    const asked = questions(registry);
    expect(await asked.ask(parseReference(`${R}/secret:1`))).toMatchObject({
      status: 'no-permission',
      message: 'no access',
    });
    expect(await asked.ask(parseReference(`${R}/absent:1`))).toEqual({ status: 'not-pushed' });
    expect(await asked.ask(parseReference(`${R}/a:1`))).toMatchObject({ status: 'ok' });
  });
});

describe('a hostile registry', () => {
  it('that answers no request for a manifest as it should is unreachable, not incomplete', async () => {
    const registry = new MemoryRegistry();
    registry.manifest = async () => {
      throw new AirgapError('registry', 'redirects more than 5 times');
    };
    expect(await ask(registry, 'a:1')).toMatchObject({ status: 'unreachable', message: 'redirects more than 5 times' });
  });

  it('is not followed through endless indexes', async () => {
    const registry = new MemoryRegistry();
    let inner = addIndex(registry, 'a', 'inner', 'linux/s390x');
    for (let level = 0; level < 100; level++) inner = registry.addIndex(`${R}/a`, 'deep', [inner], { level });
    const answer = await ask(registry, 'a:deep');
    expect(answer.status).toBe('incomplete');
    expect(registry.log.length).toBeLessThan(20);
  });

  it('is not followed through an index with many indexes', async () => {
    const registry = new MemoryRegistry();
    const inner = Array.from({ length: 1000 }, (_, i) => registry.addIndex(`${R}/a`, undefined, [], { i }));
    registry.addIndex(`${R}/a`, 'wide', inner);
    expect((await ask(registry, 'a:wide')).status).toBe('incomplete');
    expect(registry.log.length).toBeLessThan(50);
  });

  it('is not asked for thousands of layers', async () => {
    const registry = new MemoryRegistry();
    registry.addImage(
      `${R}/a`,
      '1',
      Array.from({ length: 3000 }, (_, i) => Buffer.from(String(i))),
    );
    expect((await ask(registry, 'a:1')).status).toBe('incomplete');
    expect(registry.log.length).toBeLessThan(5);
  });
});
