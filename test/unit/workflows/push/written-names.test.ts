import { expect, it } from 'vitest';
import type { InventoryImage } from '../../../../src/inventory/inventory.ts';
import { writtenNames } from '../../../../src/workflows/push/written-names.ts';

function image(reference: string, ...written: string[]): InventoryImage {
  return { reference, found: written.map((text) => ({ written: text })) } as unknown as InventoryImage;
}

it('uses the most common spelling of each repository in the charts', () => {
  const names = writtenNames({
    images: [
      image('docker.io/amazon/aws-cli:2.1', 'amazon/aws-cli:2.1', 'docker.io/amazon/aws-cli:2.1', 'amazon/aws-cli:2.1'),
      image('docker.io/library/busybox:1', 'busybox:1'),
      image('docker.io/library/nginx:1', 'docker.io/nginx:1', 'nginx:1'),
      image('Reg.Example:5000/a:1', 'docker://Reg.Example:5000/a:1'),
      // This text does not name the whole repository.
      image('quay.io/org/app:1', 'org/app:1'),
    ],
  });
  expect(Object.fromEntries(names)).toEqual({
    'docker.io/amazon/aws-cli': 'amazon/aws-cli',
    'docker.io/library/busybox': 'busybox',
    'docker.io/library/nginx': 'docker.io/nginx',
    'Reg.Example:5000/a': 'reg.example-5000/a',
  });
});
