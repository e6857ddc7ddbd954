import { expect, it } from 'vitest';
import { DEFAULT_NAMING, parseTarget } from '../../../../src/naming/naming.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { formatImageMap, isImageMap } from '../../../../src/overrides/formats/image-map.ts';

const target = parseTarget('r.example:5000/m', DEFAULT_NAMING);

it('an image map is recognized, with and without references', () => {
  const digest = `quay.io/a/c@sha256:${'a'.repeat(64)}`;
  for (const names of [[], ['quay.io/a/b:1', 'busybox', digest]]) {
    expect(isImageMap(formatImageMap(names.map(parseReference), target).files[0]?.text ?? '')).toBe(true);
  }
});

it.each([
  ['of a package', '{"name": "app", "version": "1.0.0"}'],
  ['of paths', '{"baseUrl": "./src", "outDir": "dist/"}'],
  ['of objects', '{"quay.io/a/b:1": {}}'],
  ['that is a list', '[]'],
  ['that is none', '# quay.io/a/b:1'],
])('other content is not an image map: %s', (_, text) => {
  expect(isImageMap(text)).toBe(false);
});
