import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { toFindings } from '../../../../src/discovery/index.ts';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';
import { type Descriptor, MediaType } from '../../../../src/oci/descriptor.ts';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { formatReference, type Repository } from '../../../../src/oci/reference.ts';
import { bodyFromSource } from '../../../../src/transfer/resumable-read.ts';
import { resolveImages } from '../../../../src/workflows/images/resolve.ts';
import { IMAGE_CONFIG, LAYER, MemoryRegistry, noise } from '../../../support/memory-registry.ts';

/** A registry with images whose configs have an environment. */
class Registry extends MemoryRegistry {
  addConfigured(repository: string, tag: string | undefined, Env: readonly string[], seed = repository): Descriptor {
    const config = Buffer.from(JSON.stringify({ config: { Env }, seed }));
    return this.addManifest(
      repository,
      {
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: this.addBlob(repository, IMAGE_CONFIG, config),
        layers: [this.addBlob(repository, LAYER, noise(seed, 100))],
      },
      MediaType.ociManifest,
      tag,
    );
  }
}

function locatedReference(reference: string, confidence: LocatedReference['confidence'] = 'certain'): LocatedReference {
  const location = { chart: 'acme', profile: 'default', template: 'acme/t.yaml', document: 0, kind: 'Deployment' };
  return {
    ...location,
    name: 'd',
    path: 'image',
    how: 'pod-spec',
    written: reference,
    reference,
    confidence,
    need: 'install',
  };
}

const operator = 'quay.io/acme/operator:1';

interface Settings {
  readonly imageConfigs?: boolean;
  readonly platforms?: readonly string[];
  readonly exclude?: string;
  readonly referrers?: boolean;
}

async function resolve(registry: Registry, references: readonly LocatedReference[], settings: Settings = {}) {
  const { imageConfigs = true, platforms = [], exclude, referrers = false } = settings;
  const events: AirgapEvent[] = [];
  const context = { env: {}, cwd: '/', emit: (event: AirgapEvent) => void events.push(event) };
  const select = (added: readonly LocatedReference[]) => ({
    findings: toFindings([...references, ...added].filter(({ reference }) => reference !== exclude)),
    selections: [],
  });
  const options = {
    imageConfigs,
    platforms: platforms.map(parsePlatform),
    concurrency: 4,
    referrers,
    attestations: 'keep' as const,
  };
  const resolution = await resolveImages(context, registry, select, options);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { ...resolution, warnings, names: resolution.findings.map(({ reference }) => reference) };
}

function failure(work: Promise<unknown>): Promise<AirgapError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error) => error as AirgapError,
  );
}

describe('images in image configs', () => {
  test('are resolved with the others, recursively', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['RELATED_IMAGE_AGENT=quay.io/acme/agent:1']);
    registry.addConfigured('quay.io/acme/agent', '1', ['SIDECAR_IMAGE=quay.io/acme/sidecar:1']);
    registry.addConfigured('quay.io/acme/sidecar', '1', ['OPERATOR_IMAGE=quay.io/acme/operator:1']);
    const { names, graph, findings, missing } = await resolve(registry, [locatedReference(operator)]);
    expect(names).toEqual(['quay.io/acme/agent:1', operator, 'quay.io/acme/sidecar:1']);
    expect(graph.roots.map(({ reference }) => formatReference(reference)).sort()).toEqual(names);
    expect(findings[0]).toMatchObject({ confidence: 'likely', need: 'operand', found: [{ name: operator }] });
    // A name of a known image adds a location.
    expect(findings[1]).toMatchObject({ confidence: 'certain', found: [{ how: 'pod-spec' }, { how: 'image-config' }] });
    expect(missing).toEqual([]);
  });

  test('are followed three levels deep', async () => {
    const registry = new Registry();
    for (let i = 1; i <= 6; i++) {
      registry.addConfigured(`quay.io/acme/a${i}`, '1', [`NEXT_IMAGE=quay.io/acme/a${i + 1}:1`]);
    }
    const { names } = await resolve(registry, [locatedReference('quay.io/acme/a1:1')]);
    expect(names).toEqual([1, 2, 3, 4].map((i) => `quay.io/acme/a${i}:1`));
  });

  test('are not searched on request', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['RELATED_IMAGE_AGENT=quay.io/acme/agent:1']);
    const { names } = await resolve(registry, [locatedReference(operator)], { imageConfigs: false });
    expect(names).toEqual([operator]);
    expect(registry.log.filter((line) => line.startsWith('OPEN'))).toEqual([]);
  });

  test('can be excluded', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['RELATED_IMAGE_AGENT=quay.io/acme/agent:1']);
    const { names } = await resolve(registry, [locatedReference(operator)], { exclude: 'quay.io/acme/agent:1' });
    expect(names).toEqual([operator]);
  });

  test('leave out candidates that are only possible, and list them', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', []);
    const { findings, possible } = await resolve(registry, [
      locatedReference(operator),
      locatedReference('quay.io/acme/maybe:1', 'possible'),
    ]);
    expect(findings.map(({ reference }) => reference)).toEqual([operator]);
    expect(possible.map(({ reference }) => reference)).toEqual(['quay.io/acme/maybe:1']);
  });

  test('raise the confidence of a possible image', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['RELATED_IMAGE_AGENT=quay.io/acme/agent:1']);
    registry.addConfigured('quay.io/acme/agent', '1', []);
    const possible = locatedReference('quay.io/acme/agent:1', 'possible');
    const { findings } = await resolve(registry, [locatedReference(operator), possible]);
    expect(findings[0]).toMatchObject({ reference: 'quay.io/acme/agent:1', confidence: 'likely' });
    expect(findings[0]?.found).toHaveLength(2);
  });

  test('are not bundled if only possible, unless they are defaults of user-made resources', async () => {
    const registry = new Registry();
    for (const name of ['quay.io/acme/operator', 'quay.io/acme/agent']) registry.addConfigured(name, '1', []);
    const possible = locatedReference('quay.io/acme/agent:1', 'possible');
    expect((await resolve(registry, [locatedReference(operator), possible])).names).toEqual([operator]);
    const { findings } = await resolve(registry, [locatedReference(operator), { ...possible, userMade: true }]);
    expect(findings.map(({ reference, confidence }) => [reference, confidence])).toEqual([
      ['quay.io/acme/agent:1', 'possible'],
      [operator, 'certain'],
    ]);
  });

  test('are missing, with a warning, if they do not exist', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['RELATED_IMAGE_AGENT=quay.io/acme/agent:1']);
    const { names, missing, warnings } = await resolve(registry, [locatedReference(operator)]);
    expect(names).toEqual([operator]);
    expect(missing.map(({ reference }) => reference)).toEqual(['quay.io/acme/agent:1']);
    expect(warnings).toEqual([expect.stringMatching(/quay\.io\/acme\/agent:1.*quay\.io\/acme\/operator:1/)]);
  });

  test('are read from one platform, preferably linux/amd64, and each config once', async () => {
    const registry = new Registry();
    const arm = registry.addConfigured('quay.io/acme/operator', undefined, ['A_IMAGE=quay.io/acme/arm:1'], 'arm');
    const amd = registry.addConfigured('quay.io/acme/operator', undefined, ['A_IMAGE=quay.io/acme/amd:1'], 'amd');
    registry.addIndex('quay.io/acme/operator', '1', [
      { ...arm, platform: { os: 'linux', architecture: 'arm64' } },
      { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    registry.tags.set('quay.io/acme/operator:2', registry.tags.get('quay.io/acme/operator:1') as never);
    registry.addConfigured('quay.io/acme/amd', '1', []);
    registry.addConfigured('quay.io/acme/arm', '1', []);
    const references = [locatedReference(operator), locatedReference('quay.io/acme/operator:2')];
    const { names, graph } = await resolve(registry, references);
    expect(names).toEqual(['quay.io/acme/amd:1', operator, 'quay.io/acme/operator:2']);
    expect(registry.log.filter((line) => line.startsWith('OPEN quay.io/acme/operator'))).toHaveLength(1);
    // Configs that were read are in the graph, so they are not fetched again.
    const before = registry.log.length;
    const cached = [...graph.blobs.values()].filter(({ bytes }) => bytes !== undefined);
    for (const node of cached) await bodyFromSource(registry, node).open();
    expect(cached.map(({ descriptor }) => descriptor.mediaType)).toEqual([IMAGE_CONFIG, IMAGE_CONFIG]);
    expect(registry.log).toHaveLength(before);
    const other = await resolve(registry, references, { platforms: ['linux/arm64'] });
    expect(other.names).toEqual(['quay.io/acme/arm:1', operator, 'quay.io/acme/operator:2']);
  });

  test('are not found in artifacts and invalid JSON', async () => {
    const registry = new Registry();
    for (const [tag, type] of [
      ['1', MediaType.helmConfig],
      ['2', IMAGE_CONFIG],
    ] as const) {
      const config = registry.addBlob('quay.io/acme/operator', type, Buffer.from(`not json ${tag}`));
      const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [] };
      registry.addManifest('quay.io/acme/operator', manifest, MediaType.ociManifest, tag);
    }
    const { names } = await resolve(registry, [
      locatedReference(operator),
      locatedReference('quay.io/acme/operator:2'),
    ]);
    expect(names).toEqual([operator, 'quay.io/acme/operator:2']);
    expect(registry.log.filter((line) => line.startsWith('OPEN'))).toHaveLength(1);
  });

  test('fail for a config that is damaged twice, but not once', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', ['A_IMAGE=quay.io/acme/operator:1']);
    let damaged = 0;
    const blob = registry.blob.bind(registry);
    const times = (most: number) => (repository: Repository, descriptor: Descriptor) => {
      if (damaged++ >= most) return blob(repository, descriptor);
      const body = blob(repository, { ...descriptor });
      return { ...body, open: async () => Readable.from([Buffer.alloc(body.size)]) };
    };
    registry.blob = times(1);
    expect((await resolve(registry, [locatedReference(operator)])).names).toEqual([operator]);
    damaged = 0;
    registry.blob = times(9);
    const error = await failure(resolve(registry, [locatedReference(operator)]));
    expect(error).toMatchObject({ code: 'digest-mismatch', message: expect.stringContaining(operator) });
  });

  test('are not searched in configs of more than 8 MiB, with a warning', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', [`A_IMAGE=quay.io/a/b:1`, 'x'.repeat(8 * 1024 * 1024)]);
    const { names, warnings } = await resolve(registry, [locatedReference(operator)]);
    expect(names).toEqual([operator]);
    expect(warnings).toEqual([expect.stringMatching(/quay\.io\/acme\/operator:1 .*\d{7} bytes/)]);
  });
});

describe('an image that cannot be resolved', () => {
  const missing = 'quay.io/acme/missing:1';

  test('is missing if it is likely and does not exist', async () => {
    const registry = new Registry();
    registry.addConfigured('quay.io/acme/operator', '1', []);
    const resolved = await resolve(registry, [locatedReference(operator), locatedReference(missing, 'likely')]);
    expect(resolved.names).toEqual([operator]);
    expect(resolved.missing).toMatchObject([
      { reference: missing, found: [expect.objectContaining({ chart: 'acme' })], why: expect.any(String) },
    ]);
  });

  test("is missing if it is an operator's default, whatever its confidence", async () => {
    const operatorDefault = { ...locatedReference(missing, 'possible'), userMade: true } as const;
    const resolved = await resolve(new Registry(), [operatorDefault]);
    expect(resolved.missing).toMatchObject([{ reference: missing, confidence: 'possible' }]);
  });

  test('is an error with its locations if it is certain', async () => {
    const error = await failure(resolve(new Registry(), [locatedReference(missing)]));
    expect(error).toMatchObject({ code: 'image-not-found' });
    expect(error.message).toMatch(/quay\.io\/acme\/missing:1.*chart acme \(acme\/t\.yaml, image\)/);
  });

  test('is an error with a hint about --exclude if access to a candidate is denied', async () => {
    const registry = new Registry();
    registry.manifest = async () => {
      throw new AirgapError('unauthorized', 'no access', { hint: 'log in' });
    };
    const error = await failure(resolve(registry, [locatedReference(missing, 'likely')]));
    expect(error.code).toBe('unauthorized');
    expect(error.hint).toMatch(/^log in; .*--exclude quay\.io\/acme\/missing:1$/);
  });

  test('is an error if a candidate exists only for other platforms', async () => {
    const registry = new Registry();
    const amd = registry.addConfigured('quay.io/acme/operator', undefined, []);
    registry.addIndex('quay.io/acme/operator', '1', [{ ...amd, platform: { os: 'linux', architecture: 'amd64' } }]);
    const error = await failure(
      resolve(registry, [locatedReference(operator, 'likely')], { platforms: ['linux/s390x'] }),
    );
    expect(error.code).toBe('image-not-found');
    expect(error.message).toMatch(/linux\/s390x.*linux\/amd64/);
  });
});
