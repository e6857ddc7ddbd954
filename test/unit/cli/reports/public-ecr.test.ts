import { describe, expect, test } from 'vitest';
import { publicEcrReport } from '../../../../src/cli/reports/public-ecr.ts';
import { publicEcrMarkdown } from '../../../../src/cli/reports/public-ecr-markdown.ts';
import type { Report } from '../../../../src/cli/reports/report.ts';
import type { ImagePlace, PublicEcrImage, PublicEcrResult } from '../../../../src/inventory/public-ecr.ts';
import { expectLine } from '../../../support/facts.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';
import { reportText } from '../../../support/report-text.ts';

const place = (more: Partial<ImagePlace> = {}): ImagePlace => ({
  chart: 'app',
  file: '/site/charts/app/values.yaml',
  kind: 'values',
  line: 4,
  path: 'image.repository',
  parts: [],
  ...more,
});
const image = (reference: string, more: Partial<PublicEcrImage>): PublicEcrImage => ({
  reference,
  class: 'none',
  role: 'runs',
  pinned: false,
  places: [place()],
  unmapped: [],
  ...more,
});
const equivalent = (reference: string, more: Partial<PublicEcrImage>): PublicEcrImage =>
  image(reference, { class: 'equivalent', equivalent: `public.ecr.aws/${reference}`, ...more });
const result = (...images: PublicEcrImage[]): PublicEcrResult => ({
  charts: [{ name: 'app', version: '1.0.0', source: 'app' }],
  files: ['/site/other.yaml'],
  images,
});

const textOf = (report: Report): string => Object.values(reportText(report)).join('\n');

const IMAGES = [
  equivalent('a/verified:1', { status: 'verified' }),
  equivalent('a/signed:1', { status: 'verified', losesSignatures: true, pinned: true }),
  equivalent('a/other:1', { status: 'different-digest' }),
  equivalent('a/fewer:1', { status: 'different-platforms', missingPlatforms: ['linux/arm64', 'linux/s390x'] }),
  equivalent('a/absent:1', { status: 'not-found' }),
  equivalent('a/unknown:1', { status: 'unconfirmed', why: 'quay.io refused' }),
  image('a/retired:1', {
    class: 'retired',
    retired: { alias: 'bitnami', since: '2026-06-10', source: 'https://x.example/1' },
  }),
  image('a/none:1', { role: 'tests', places: [place({ file: '/other/c.tgz', inArchive: 'c/values.yaml' })] }),
  image('a/already:1', { class: 'already', status: 'verified', role: 'helps' }),
];

describe('the report', () => {
  const text = textOf(publicEcrReport(result(...IMAGES), '/site'));

  test('says of each image what was found, what it is for, and where it is named', () => {
    expectLine(
      text,
      'a/verified:1',
      'public.ecr.aws/a/verified:1',
      'same image',
      'runs',
      'charts/app/values.yaml:4 image.repository',
    );
    expectLine(text, 'a/signed:1', 'without its signatures', 'pinned by digest');
    expectLine(text, 'a/other:1', 'another digest');
    expectLine(text, 'a/fewer:1', 'linux/arm64, linux/s390x');
    expectLine(text, 'a/absent:1', 'does not exist');
    expectLine(text, 'a/unknown:1', 'unconfirmed', 'quay.io refused');
    expectLine(text, 'a/retired:1', 'public.ecr.aws/bitnami', '2026-06-10', 'https://x.example/1');
    expectLine(text, 'a/none:1', 'tests only', '/other/c.tgz!c/values.yaml:4');
    expectLine(text, 'a/already:1', 'exists', 'helps only');
  });

  test('counts each class', () => {
    expectLine(
      text,
      '9 images',
      '1 chart',
      '1 values file',
      /\b2 with\b/,
      /\b4 not\b/,
      /\b1 retired\b/,
      /\b1 without\b/,
      /\b1 there\b/,
    );
  });

  test('says where a name stays, once for each cause', () => {
    const unmapped = [1, 2].map(() => ({
      chart: 'app',
      template: 'app/templates/a.yaml',
      object: 'Pod/a',
      field: 'spec',
      reason: 'the template writes a part of its name',
    }));
    const partly = textOf(publicEcrReport(result(equivalent('a/b:1', { status: 'verified', unmapped })), '/site'));
    expectLine(partly, 'a/b:1', 'app/templates/a.yaml', 'the template writes');
    expect(partly.match(/app\/templates\/a\.yaml/g)).toHaveLength(1);
  });

  test('without images is only the counts', () => {
    expectLine(textOf(publicEcrReport({ charts: [], files: [], images: [] }, '/site')), '0 images');
  });
});

describe('Markdown', () => {
  test('has the same groups as tables', () => {
    const text = publicEcrMarkdown(result(...IMAGES), '/site');
    expectLine(text, /^\| a\/verified:1 \| public\.ecr\.aws\/a\/verified:1 \| same image \| runs \|/);
    expect(text.match(/^### /gm)).toHaveLength(5);
    expect(text.match(/^\| --- \|/gm)).toHaveLength(5);
  });

  test('escapes names of files and keys', () => {
    const rowOf = (path: string): string => {
      const text = publicEcrMarkdown(result(image('a/b:1', { places: [place({ path: `x${path}` })] })), '/site');
      const rows = text.split('\n').filter((line) => line.includes('a/b:1'));
      expect(rows).toHaveLength(1);
      return rows[0] ?? '';
    };
    for (const path of ['a|b', '<img src=x>', '`code`', '[x](y)', '@everyone', '&amp;']) {
      expect(rowOf(path).replaceAll(/\\[\\`*_[\]|~]/g, ''), path).not.toMatch(/[<`[@]/);
    }
    fc.assert(
      fc.property(hostileText, (path) => {
        const row = rowOf(path).replaceAll(/\\[\\`*_[\]|~]/g, '');
        expect(row.match(/\|/g)).toHaveLength(4);
        expect(row).not.toMatch(CONTROL_CHARACTERS);
        expect(row).not.toMatch(/[<`@]/);
      }),
    );
  });
});
