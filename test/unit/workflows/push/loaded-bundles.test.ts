import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import { checkNamed } from '../../../../src/workflows/push/loaded-bundles.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

function warnings(...names: string[]): string[] {
  const messages: string[] = [];
  const unnamed = names.map((name) => ({ annotations: { [REF_NAME]: name } }));
  const bundle = { path: 'a.tar', images: () => [{}], charts: () => [], unnamed: () => unnamed } as unknown as Bundle;
  checkNamed(bundle, (event: AirgapEvent) => {
    if (event.type === 'warning') messages.push(event.message);
  });
  return messages;
}

it('warns of invalid image names', () => {
  expect(warnings(`quay.io/a/b:${'x'.repeat(100_000)}`, 'quay.io/A/b:1')).toEqual([
    expect.stringMatching(/^a\.tar .*: quay\.io\/a\/b:x{88}..., quay\.io\/A\/b:1$/),
  ]);
});

it('ignores unnamed entries next to named images', () => {
  expect(warnings()).toEqual([]);
  expect(warnings('1.0')).toEqual([expect.stringMatching(/^a\.tar .*\(1\.0\).*--as/)]);
});
