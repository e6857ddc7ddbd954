import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../src/base/errors.ts';
import {
  formatInventory,
  type Inventory,
  type InventoryImage,
  parseInventory,
} from '../../../src/inventory/inventory.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const digest = digestOf(Buffer.from('x'));
const location = {
  chart: 'web',
  profile: 'default',
  template: 'web/templates/deployment.yaml',
  document: 0,
  kind: 'Deployment',
  name: 'web',
  path: 'spec.template.spec.containers[0].image',
  how: 'pod-spec',
  written: 'nginx:1.27',
  parts: [{ role: 'tag', path: 'image.tag', text: '1.27' }],
  values: ['image.tag'],
} as const;

function image(reference: string): InventoryImage {
  return {
    reference,
    digest,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: ['linux/amd64'],
    bytes: 5,
    confidence: 'certain',
    need: 'install',
    found: [structuredClone(location) as unknown as InventoryImage['found'][number]],
  };
}

const inventory: Inventory = {
  apiVersion: 'airgap/v1',
  kind: 'Lock',
  schemaVersion: 1,
  platforms: ['linux/amd64'],
  charts: [
    { name: 'web', version: '1.10.0', source: 'web', digest, profiles: [{ name: 'default', kubeVersion: '1.35.0' }] },
    { name: 'db', version: '2.0.0', source: 'oci://r.example/db', digest, profiles: [{ name: 'default' }] },
  ],
  images: [image('quay.io/a/b:1'), image('docker.io/library/nginx:1.27')],
};

function refusal(content: unknown): AirgapError {
  try {
    parseInventory(Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)));
  } catch (error) {
    return error as AirgapError;
  }
  throw new Error('nothing was refused');
}

describe('the inventory', () => {
  it('reads back what it writes', () => {
    const { charts, images, ...rest } = parseInventory(formatInventory(inventory));
    expect(rest).toEqual({ apiVersion: 'airgap/v1', kind: 'Lock', schemaVersion: 1, platforms: ['linux/amd64'] });
    expect(charts).toEqual([inventory.charts[1], inventory.charts[0]]);
    expect(images).toEqual([inventory.images[1], inventory.images[0]]);
  });

  it('is written as the same bytes after reading, whatever the order of its entries', () => {
    const bytes = formatInventory(inventory);
    expect(formatInventory(parseInventory(bytes))).toEqual(bytes);
    const turned = { ...inventory, charts: inventory.charts.toReversed(), images: inventory.images.toReversed() };
    expect(formatInventory(turned)).toEqual(bytes);
    expect(inventory.charts[0]?.name, 'what was given is left as it was').toBe('web');
  });

  it('of a newer schema is reported as newer, not as damaged', () => {
    const error = refusal({ ...inventory, schemaVersion: 3, entirely: 'different' });
    expect(error.code).toBe('bundle-invalid');
    expect(error.message).toContain('version 3');
    expect(error.hint).toBeTruthy();
  });

  it('of a newer schema names the version of helm airgap that reads it, unless that is no version', () => {
    const named = (minReaderVersion: unknown): string => {
      const { message, hint } = refusal({ ...inventory, schemaVersion: 3, minReaderVersion });
      return `${message} ${hint}`;
    };
    expect(named('1.4.0').match(/1\.4\.0/g)).toHaveLength(2);
    for (const hostile of ['1.4.0\n\u001b[2J', '$(id)', 14, {}, '9'.repeat(200)]) {
      expect(named(hostile)).not.toContain(String(hostile));
    }
  });

  it('names every invalid field', () => {
    const wrong = structuredClone(inventory) as unknown as {
      kind: string;
      charts: { digest: string }[];
      images: { bytes: number; need: string }[];
    };
    wrong.kind = 'Key';
    Object.assign(wrong.charts[0] ?? {}, { digest: 'sha256:abc' });
    Object.assign(wrong.images[1] ?? {}, { bytes: -1, need: 'sometimes' });
    const { message } = refusal(wrong);
    for (const field of ['kind', 'charts.0.digest', 'images.1.bytes', 'images.1.need'])
      expect(message).toContain(field);
  });

  it('refuses names that could leave a repository or a folder', () => {
    const [chart] = inventory.charts;
    const [first] = inventory.images;
    for (const name of ['../../prod/app', 'a/b', '', 'a\nb', '%2e%2e'])
      expect(refusal({ ...inventory, charts: [{ ...chart, name }] }).message, name).toContain('charts.0.name');
    for (const version of ['1.0.0/../../x', '1?n=1', '1.0.0#', 'latest', ''])
      expect(refusal({ ...inventory, charts: [{ ...chart, version }] }).message, version).toContain('charts.0.version');
    for (const reference of ['quay.io/../x:1', 'nginx', 'quay.io/a:1/../../b', 'quay.io/a:1?x', 'quay.io/A:1'])
      expect(refusal({ ...inventory, images: [{ ...first, reference }] }).message, reference).toContain(
        'images.0.reference',
      );
  });

  it('counts invalid fields beyond the first ten', () => {
    const images = Array.from({ length: 25 }, () => ({ ...image('quay.io/x:1'), digest: 'none' }));
    const { message } = refusal({ ...inventory, images });
    expect(message).toContain('images.9.digest');
    expect(message).toContain('15 more');
  });

  it.each(['', '{', 'null', '[]', '3', '{}', '{"schemaVersion":"1"}', '{"schemaVersion":0}'])('refuses %j', (text) => {
    expect(refusal(text).code).toBe('bundle-invalid');
  });
});
