import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import type { SelectionRecord } from '../../../../src/inventory/selection-record.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { missingFromBundle } from '../../../../src/workflows/values/bundled-images.ts';

const CHOICES: SelectionRecord[] = [
  { rule: 'exclude', pattern: 'quay.io/a/kafka', reason: 'one version is used', references: ['quay.io/a/kafka:1'] },
  { rule: 'include', pattern: 'quay.io/a/*', references: ['quay.io/a/gone:1'] },
  { rule: 'dropped', references: ['quay.io/a/guess:1'] },
];

function bundle(choices: SelectionRecord[] | undefined): Bundle {
  const images = () => [{ reference: parseReference('quay.io/a/app:1') }];
  return { images, inventory: () => (choices === undefined ? undefined : { choices }) } as unknown as Bundle;
}

it('returns missing images, and reports excluded ones separately', () => {
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => void (event.type === 'warning' && warnings.push(event.message));
  const references = ['quay.io/a/app:1', 'quay.io/a/gone:1', 'quay.io/a/guess:1', 'quay.io/a/kafka:1'];
  expect(missingFromBundle(bundle(CHOICES), references, emit)).toEqual(['quay.io/a/gone:1']);
  expect(warnings).toEqual([
    expect.stringMatching(/\(--exclude quay\.io\/a\/kafka, one version is used\): quay\.io\/a\/kafka:1$/),
    expect.stringMatching(/: quay\.io\/a\/guess:1$/),
  ]);
  expect(missingFromBundle(bundle(undefined), references, emit)).toHaveLength(3);
});
