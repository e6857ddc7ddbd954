import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { decisionsFor, missingFailures, missingFromBundle } from '../../../../src/workflows/values/bundled-images.ts';

const context = { env: {}, cwd: '/', emit: () => undefined };

function bundle(inventory: Partial<Inventory> | undefined): Bundle {
  const images = () => [{ reference: parseReference('quay.io/a/app:1') }];
  return { images, inventory: () => inventory } as unknown as Bundle;
}

const REFERENCES = [
  'quay.io/a/app:1',
  'quay.io/a/gone:1',
  'quay.io/a/guess:1',
  'quay.io/a/test:1',
  'quay.io/a/kafka:1',
];

it('returns images that a bundle lacks, and reports those that it was made without on purpose', () => {
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => void (event.type === 'warning' && warnings.push(event.message));
  const source = bundle({
    choices: [
      { rule: 'include', pattern: 'quay.io/a/*', references: ['quay.io/a/gone:1'] },
      { rule: 'no-tests', references: ['quay.io/a/test:1'] },
      { rule: 'exclude', pattern: '*/kafka', reason: 'one version is used', references: ['quay.io/a/kafka:1'] },
      { rule: 'dropped', references: ['quay.io/a/guess:1'] },
    ],
  });
  const decisions = decisionsFor(context, {}, source);
  expect(missingFromBundle(source, REFERENCES, decisions, emit)).toEqual(['quay.io/a/gone:1']);
  expect(warnings).toEqual([
    expect.stringMatching(/\(--no-tests\): quay\.io\/a\/test:1$/),
    expect.stringMatching(/\(--exclude \*\/kafka, one version is used\): quay\.io\/a\/kafka:1$/),
  ]);
  expect(missingFailures(decisions, REFERENCES)).toEqual([expect.stringMatching(/^quay\.io\/a\/guess:1: missing, /)]);
  expect(missingFailures(decisions, ['quay.io/a/app:1'])).toEqual([]);
  const none = bundle(undefined);
  expect(missingFromBundle(none, REFERENCES, decisionsFor(context, {}, none), emit)).toHaveLength(4);
});
