import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { printable } from '../../../../src/base/printable.ts';
import { parseConfig } from '../../../../src/cli/config/read.ts';
import { configText } from '../../../../src/cli/config/write.ts';
import { hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

const place = { file: 'a.sh', line: 3 };
const nothing = { charts: [], images: [], kustomize: [], manifests: [], from: [], to: [], logins: [], platforms: [] };

it('has each entry with its place, and what was not taken', () => {
  const text = configText({
    lists: [{ file: 'a.sh', format: 'shell', charts: 1, images: 1 }],
    config: {
      ...nothing,
      charts: [{ value: { chart: 'app', repo: 'https://c.example', version: '1.10' }, place }],
      images: [{ value: 'quay.io/a/b:1', place: { ...place, line: 4 } }],
      kustomize: [{ value: './overlays/prod', place }],
      manifests: [{ value: './deploy', place }],
      platforms: ['linux/amd64'],
    },
    notTaken: [{ what: 'a file', place: { ...place, line: 9 } }],
  });
  expect(text).toBe(`# From a.sh (shell), by helm airgap import.

apiVersion: airgap/v1
kind: Config
charts:
  - chart: app # from a.sh:3
    repo: https://c.example
    version: "1.10"
images:
  - quay.io/a/b:1 # from a.sh:4
kustomize:
  - ./overlays/prod # from a.sh:3
manifests:
  - ./deploy # from a.sh:3
platforms:
  - linux/amd64

# Not taken:
#   a.sh:9: a file
`);
});

it('of any texts is read back, and has no control characters', () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, (path, file, what) => {
      const at = { file, line: 1 };
      const value = `./${path}`;
      const text = configText({
        lists: [{ file, format: 'text', charts: 0, images: 0 }],
        config: {
          ...nothing,
          charts: [{ value: { chart: value, profiles: [{ name: 'default', values: [value] }] }, place: at }],
          manifests: [{ value, place: at }],
        },
        notTaken: [{ what, place: at }],
      });
      expect(text).toBe(printable(text));
      expect(parseConfig(text).manifests).toEqual([value]);
      expect(Object.keys(parse(text))).toEqual(['apiVersion', 'kind', 'charts', 'manifests']);
    }),
    { numRuns: 300 },
  );
});
