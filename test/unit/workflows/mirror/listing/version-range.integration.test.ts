import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { satisfyingTags } from '../../../../../src/workflows/mirror/listing/version-range.ts';
import { newestAndOldestHelm } from '../../../../support/helm.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const TAGS = [
  ...['1.0.0', '1.2', 'v1.2.3', 'v1.3.0', '1.10.0', '1', '2', '2.1.0', '2.0.1', '1.2.4', '1.3', '20240101'],
  ...['0.1.0', '0.1.5', '0.2.0', '0.0.3', '0.0.4'],
  ...['2.0.0-rc.1', '3.0.0-alpine', '1.2.3-beta', '1.2.4-rc1', '2024-01-15'],
];
const RANGES = [
  ...['>= 1.2', '>=1.2, <2', '>= 1.2 < 2', '=> 2', '=< 2', '>1', '<= 1', '>1.2', '<=1.2', '<1.2', '>= 0', '>= v1.2'],
  ...['^1.2.0', '^1', '^0', '^0.1', '^0.0.3', '~1.2', '~1', '~1.2.3', '~0.1.0', '~> 1.2', '~>1.2.3'],
  ...['*', 'x', '1.x', '1.2.x', '>= 1.2.x', '>1.x', '<1.x', '1', '1.2', '1.2.3', '= 1.2', '=v1.3.0'],
  ...['1.2 - 1.3', '1.0.0 - 2.0.0', '< 1.2 || >= 2.1', '!=1.2', '!=1.x', '>=1, !=1.3.0, !=2', '>=1.2.3 !=1.3.0'],
  ...['>= 2.0.0-0', '>=1.2.3-0', '<2.0.0-0', '^1.2.3-beta', '^2.0.0-0', '~1.2.3-0', '1.2.3-beta', '=2.0.0-rc.1'],
  ...['>=1.2.3-0, <2.0.0', '>=1.2.3-beta <1.2.4', '>=1.0.0-0 !=1.2.3-beta', '!=2.0.0-rc.1', '1.0.0-0 - 2.0.0'],
  ...['^1.2.3-0 || >=3', '>1.2.3 <2.0.0 || >3.0.0-0'],
];

const helm = newestAndOldestHelm().at(-1)?.path;

// Helm has Masterminds/semver, by which skopeo selects.
it.skipIf(helm === undefined)('a range has the tags that Masterminds/semver finds', () => {
  const chart = scratchFolder();
  mkdirSync(join(chart, 'templates'));
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: ranges\nversion: 0.1.0\n');
  const cell = '{{ if semverCompare $range . }}{{ . | quote }}, {{ end }}';
  const line = `{{ range $range := .Values.ranges }}{{ $range | quote }}: [{{ range $.Values.tags }}${cell}{{ end }}]\n{{ end }}`;
  writeFileSync(join(chart, 'templates/found.yaml'), line);
  writeFileSync(join(chart, 'values.yaml'), JSON.stringify({ ranges: RANGES, tags: TAGS }));
  const env = { PATH: process.env.PATH, HOME: chart };
  const found: unknown = parse(execFileSync(helm ?? '', ['template', chart], { encoding: 'utf8', env }));
  expect(Object.fromEntries(RANGES.map((range) => [range, satisfyingTags(range, TAGS)]))).toEqual(found);
});
