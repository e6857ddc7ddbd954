import { PackageURL } from 'packageurl-js';
import { describe, expect, it } from 'vitest';
import { type BomDocument, cyclonedxBom } from '../../../src/inventory/cyclonedx.ts';
import { type Inventory, type InventoryImage, parseInventory } from '../../../src/inventory/inventory.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { isValidBom as isValid } from '../../support/bom-schema.ts';

const digest = (character: string): Digest => `sha256:${character.repeat(64)}`;

function image(reference: string, charts: readonly string[], extra: Partial<InventoryImage> = {}): InventoryImage {
  return {
    reference,
    digest: digest('a'),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: ['linux/amd64', 'linux/arm64'],
    bytes: 1234,
    confidence: 'certain',
    need: 'install',
    found: charts.map((chart) => ({
      chart,
      profile: 'default',
      template: `${chart}/templates/x.yaml`,
      document: 0,
      kind: 'Deployment',
      name: 'x',
      path: 'spec.template.spec.containers[0].image',
      how: 'pod-spec',
      written: reference,
    })),
    ...extra,
  };
}

const INVENTORY: Inventory = parseInventory(
  Buffer.from(
    JSON.stringify({
      apiVersion: 'airgap/v1',
      kind: 'Lock',
      schemaVersion: 1,
      platforms: [],
      charts: [
        {
          name: 'web',
          version: '1.0.0+b',
          source: 'https://charts.example/stable/web',
          digest: digest('1'),
          profiles: [],
        },
        { name: 'db', version: '2.0.0', source: 'db-2.0.0.tgz', digest: digest('2'), parent: 'web', profiles: [] },
        { name: 'db', version: '3.0.0', source: 'oci://r.example:5000/charts/db', digest: digest('3'), profiles: [] },
      ],
      images: [
        image('quay.io/team/web:1.0', ['web']),
        image(`docker.io/library/postgres:16@${digest('b')}`, ['db', 'web'], { digest: digest('b') }),
        image('docker.io/library/busybox:1', ['']),
        image('docker.io/library/added:1', [], { sourceDigest: digest('c'), platforms: [] }),
      ],
    }),
  ),
);

/** As it is written: without the fields that are undefined. */
function billOfMaterials(inventory: Inventory): Required<BomDocument> {
  return JSON.parse(JSON.stringify(cyclonedxBom(inventory, '1.2.3')));
}

function needs(bom: Required<BomDocument>): Record<string, readonly string[]> {
  return Object.fromEntries(bom.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
}

function component(bom: Required<BomDocument>, ref: string): Required<BomDocument>['components'][number] | undefined {
  return bom.components.find((one) => one['bom-ref'] === ref);
}

describe('a bill of materials', () => {
  const bom = billOfMaterials(INVENTORY);

  it('is valid against the published schema of CycloneDX 1.6', () => {
    expect(isValid(bom), JSON.stringify(isValid.errors)).toBe(true);
  });

  it('breaks that schema when it is malformed, so the check above can fail', () => {
    for (const broken of [
      { bomFormat: 'SPDX' },
      { serialNumber: 'x' },
      { components: [{ type: 'image', name: 'x' }] },
    ]) {
      expect(isValid({ ...bom, ...broken }), JSON.stringify(broken)).toBe(false);
    }
  });

  it('is valid for an empty bundle', () => {
    expect(isValid(billOfMaterials({ ...INVENTORY, charts: [], images: [] })), JSON.stringify(isValid.errors)).toBe(
      true,
    );
  });

  it('has the tools as files of the bundle', () => {
    const tool = { name: 'helm-linux-arm64', platform: 'linux/arm64', size: 5, digest: digest('e') };
    const withTools = billOfMaterials({ ...INVENTORY, schemaVersion: 2, tools: [tool] });
    expect(isValid(withTools), JSON.stringify(isValid.errors)).toBe(true);
    expect(withTools.components).toContainEqual(
      expect.objectContaining({
        type: 'file',
        name: 'tools/helm-linux-arm64',
        hashes: [{ alg: 'SHA-256', content: digest('e').slice(7) }],
      }),
    );
    expect(needs(withTools).bundle).toContain('tool:helm-linux-arm64');
  });

  it('lists dependencies: images of charts, subcharts of their parents, the rest of the bundle', () => {
    const postgres = `image:docker.io/library/postgres:16@${digest('b')}`;
    const busybox = 'image:docker.io/library/busybox:1';
    const added = 'image:docker.io/library/added:1';
    expect(needs(bom)).toEqual({
      bundle: ['chart:db@3.0.0', 'chart:web@1.0.0+b', added, busybox],
      'chart:web@1.0.0+b': ['chart:db@2.0.0', postgres, 'image:quay.io/team/web:1.0'],
      'chart:db@2.0.0': [postgres],
      'chart:db@3.0.0': [postgres],
      [postgres]: [],
      [busybox]: [],
      [added]: [],
      'image:quay.io/team/web:1.0': [],
    });
  });

  it('names images and charts by package URLs, hashes and versions', () => {
    expect(component(bom, 'image:quay.io/team/web:1.0')).toMatchObject({
      type: 'container',
      name: 'quay.io/team/web',
      version: '1.0',
      purl: `pkg:oci/web@${digest('a')}?repository_url=quay.io%2Fteam%2Fweb&tag=1.0`,
      hashes: [{ alg: 'SHA-256', content: 'a'.repeat(64) }],
    });
    expect(component(bom, 'chart:web@1.0.0+b')).toMatchObject({
      type: 'application',
      purl: 'pkg:helm/web@1.0.0%2Bb?repository_url=https:%2F%2Fcharts.example%2Fstable',
      externalReferences: [{ type: 'distribution', url: 'https://charts.example/stable/web' }],
    });
    const local = component(bom, 'chart:db@2.0.0');
    expect(local).toMatchObject({ purl: 'pkg:helm/db@2.0.0' });
    expect(local).not.toHaveProperty('externalReferences');
  });

  it('writes package URLs and addresses as their specifications do, and they read back equal', () => {
    const [web, ...charts] = INVENTORY.charts;
    const source = 'https://[2001:db8::1]:8443/~a*b/charts[1]/web';
    const full = billOfMaterials({
      ...INVENTORY,
      charts: [{ ...web, source }, ...charts],
      images: [image('localhost:5000/team/web:1.0', [])],
    } as Inventory);
    const chart = component(full, 'chart:web@1.0.0+b');
    // ECMA-427, 5.4: `~` and `:` are not percent-encoded, `*` and `+` are.
    const encoded = 'https:%2F%2F%5B2001:db8::1%5D:8443%2F~a%2Ab%2Fcharts%5B1%5D';
    expect(chart?.purl).toBe(`pkg:helm/web@1.0.0%2Bb?repository_url=${encoded}`);
    const repository_url = 'https://[2001:db8::1]:8443/~a*b/charts[1]';
    expect(PackageURL.fromString(chart?.purl as string)).toMatchObject({
      name: 'web',
      version: '1.0.0+b',
      qualifiers: { repository_url },
    });
    // RFC 3986, 3.2.2: brackets are for IPv6 hosts only.
    const url = 'https://[2001:db8::1]:8443/~a*b/charts%5B1%5D/web';
    expect(chart?.externalReferences).toEqual([{ type: 'distribution', url }]);
    const ofImage = component(full, 'image:localhost:5000/team/web:1.0')?.purl as string;
    expect(ofImage).toBe(`pkg:oci/web@${digest('a')}?repository_url=localhost:5000%2Fteam%2Fweb&tag=1.0`);
    expect(PackageURL.fromString(ofImage)).toMatchObject({
      version: digest('a'),
      qualifiers: { repository_url: 'localhost:5000/team/web', tag: '1.0' },
    });
  });

  it('lists referrers with their subjects, except those left out of the bundle', () => {
    const [web] = INVENTORY.charts;
    const sbom = { digest: digest('d'), subject: digest('a'), artifactType: 'application/spdx+json' };
    const signed = { digest: digest('e'), subject: digest('d'), artifactType: 'application/vnd.signature' };
    const tag = `sha256-${'a'.repeat(64)}.sig`;
    const leftOutReferrer = { digest: digest('f'), subject: digest('0'), artifactType: '', leftOut: true as const };
    const referrers = [sbom, signed, { ...sbom, digest: digest('7'), artifactType: '', tag }, leftOutReferrer];
    const ofChart = [{ ...sbom, subject: digest('1'), digest: digest('8') }];
    const inventory = {
      ...INVENTORY,
      charts: [{ ...web, referrers: ofChart }, ...INVENTORY.charts.slice(1)],
      images: [image('quay.io/team/web:1.0', ['web'], { referrers }), ...INVENTORY.images.slice(1)],
    } as Inventory;
    const full = billOfMaterials(inventory);
    expect(isValid(full), JSON.stringify(isValid.errors)).toBe(true);
    const refOf = (character: string): string => `belonging:quay.io/team/web@${digest(character)}`;
    expect(needs(full)).toMatchObject({
      bundle: expect.arrayContaining([refOf('d'), refOf('e'), refOf('7'), `belonging:charts/web@${digest('8')}`]),
      [refOf('d')]: ['image:quay.io/team/web:1.0'],
      [refOf('e')]: [refOf('d')],
      [refOf('7')]: ['image:quay.io/team/web:1.0'],
      [`belonging:charts/web@${digest('8')}`]: ['chart:web@1.0.0+b'],
    });
    expect(JSON.stringify(full.components)).not.toContain(digest('f'));
    for (const listed of [full.components.map((one) => one['bom-ref']), full.dependencies.map(({ ref }) => ref)])
      expect(listed).toEqual([...listed].sort());
    for (const { dependsOn = [] } of full.dependencies) expect(dependsOn).toEqual([...dependsOn].sort());
    expect(component(full, refOf('7'))).toMatchObject({
      type: 'file',
      name: 'signature of quay.io/team/web',
      purl: `pkg:oci/web@${digest('7')}?repository_url=quay.io%2Fteam%2Fweb`,
      properties: expect.arrayContaining([
        { name: 'airgap:subject', value: digest('a') },
        { name: 'airgap:tag', value: tag },
      ]),
    });
    expect(component(full, `belonging:charts/web@${digest('8')}`)).not.toHaveProperty('purl');
    const refs = [...full.components, { 'bom-ref': 'bundle' }].map((one) => one['bom-ref']);
    expect(full.dependencies.map(({ ref }) => ref).sort()).toEqual([...refs].sort());
  });

  it('keeps the digest at the source if a platform subset changed it', () => {
    const properties = component(bom, 'image:docker.io/library/added:1')?.properties;
    expect(properties).toContainEqual({ name: 'airgap:sourceDigest', value: digest('c') });
  });

  it('depends on the content of the inventory only, not on its order', () => {
    const turned = { ...INVENTORY, images: [...INVENTORY.images].reverse(), charts: [...INVENTORY.charts].reverse() };
    expect(billOfMaterials(turned)).toEqual(bom);
    expect(JSON.stringify(bom)).not.toContain('timestamp');
    const other = billOfMaterials({ ...INVENTORY, images: INVENTORY.images.slice(1) });
    expect(other.serialNumber).not.toBe(bom.serialNumber);
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
