import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { PlaceFound } from '../../../src/discovery/index.ts';
import { toFindings } from '../../../src/discovery/index.ts';
import type { Answer } from '../../../src/inside/confirm.ts';
import { scanImage } from '../../../src/inside/image.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { insideNews, insideReport } from '../../../src/ui/inside.ts';
import { rulesDocument } from '../../../src/ui/proposed-rules.ts';
import { insidePlaces } from '../../../src/workflows/inside/inside-places.ts';
import { apart } from '../../../src/workflows/inside/listed.ts';
import { proposeRules } from '../../../src/workflows/inside/propose-rules.ts';
import { asked, type InsideImage, subjectsOf } from '../../../src/workflows/inside/subject.ts';
import { goProgram } from '../../support/program.ts';
import { tarOf } from '../../support/tar.ts';

const operator = 'quay.io/widget/operator:v1.0.0';
const place: PlaceFound = {
  ...{ chart: 'c', profile: 'default', template: 'c/templates/a.yaml', document: 0, kind: 'Deployment', name: 'o' },
  ...{ path: 'spec.template.spec.containers[0].image', how: 'pod-spec', written: operator, reference: operator },
  ...{ confidence: 'certain', need: 'install' },
};
const chart = { operators: [{ place, words: [], variables: ['RELATED_IMAGE_CACHE'] }], places: [place] };

const program = Buffer.concat([
  goProgram({
    build: ['path\tx'],
    code: [['PROXY_IMAGE', 'quay.io/widget/proxy:v1.2.3'], ['quay.io/widget/cache:%s']],
    data: [['1.9.0'], ['1.10.0']],
  }),
  Buffer.alloc(300 * 1024),
]);

const existing = ['quay.io/widget/proxy:v1.2.3', 'quay.io/widget/cache:1.9.0'];
const answer = async (reference: string): Promise<Answer> => (existing.includes(reference) ? 'there' : 'missing');

/** Scans the operator's only layer and confirms the findings. */
async function look(ask: (reference: string) => Promise<Answer>): Promise<InsideImage[]> {
  const layer = {
    digest: 'sha256:1',
    open: async () => Readable.from([tarOf([{ path: 'manager', content: program }])]),
  };
  return Promise.all(
    subjectsOf([chart]).map(async (subject) => {
      const { image, makers } = subject;
      const scanned = await scanImage([layer], { image: parseReference(image), makers, programs: ['/manager'] });
      return asked(subject, scanned, ask, 2);
    }),
  );
}

test('without answers of a registry, complete names stay and incomplete ones are unresolved', async () => {
  const images = await look(async () => 'unknown');
  expect(images[0]?.candidates.map(({ reference, confirmed }) => [reference, confirmed])).toEqual([
    ['quay.io/widget/proxy:v1.2.3', undefined],
  ]);
  const { inside } = apart([], images);
  expect(inside.open).toMatchObject([
    { file: 'manager', possible: expect.arrayContaining(['quay.io/widget/cache:1.9.0']) },
  ]);
  expect(insideReport(inside)).toContain('quay.io/widget/cache:1.10.0');
});

test('reports nothing unasked when nothing was found, unresolved or skipped', async () => {
  const { inside } = apart([], await look(async () => 'unknown'));
  expect(insideNews(inside)).toContain('quay.io/widget/cache:1.10.0');
  const nothing = { ...inside, found: [], open: [] };
  expect(insideNews(nothing)).toBeUndefined();
  const images = inside.images.map((image) => ({ ...image, givenUp: ['a layer'] }));
  expect(insideNews({ ...nothing, images })).toContain('a layer');
});

describe('scan findings', () => {
  test('are listed separately unless they are known or included', async () => {
    const images = await look(answer);
    const known: PlaceFound = { ...place, reference: existing[0] ?? '', how: 'operator-rule', confidence: 'likely' };
    const listed = apart(toFindings([place, known, ...insidePlaces(images, false)]), images);
    expect(listed.inside.found.map(({ reference }) => reference)).toEqual([existing[1]]);
    expect(listed.findings.map(({ found }) => found.map(({ how }) => how))).toEqual([
      ['pod-spec'],
      ['operator-rule', 'inside-image'],
    ]);
    const included = apart(toFindings([place, ...insidePlaces(images, true)]), images);
    expect(included.inside.found).toEqual([]);
    expect(included.findings.map(({ reference, need }) => `${need} ${reference}`)).toEqual([
      'optional quay.io/widget/cache:1.9.0',
      'install quay.io/widget/operator:v1.0.0',
      'optional quay.io/widget/proxy:v1.2.3',
    ]);
  });

  test('become rules with the settings from code and manifest', async () => {
    const images = await look(answer);
    const { inside } = apart(toFindings([place, ...insidePlaces(images, false)]), images);
    const [proposed] = proposeRules(inside, images);
    expect(proposed?.rule.images.map(({ name, redirect, versions }) => [name, redirect, versions])).toEqual([
      ['proxy', { kind: 'env', name: 'PROXY_IMAGE' }, '1.0.0'],
      ['cache', { kind: 'env', name: 'RELATED_IMAGE_CACHE' }, '1.0.0'],
    ]);
    expect(rulesDocument(proposed === undefined ? [] : [proposed])).toMatch(/^# Rules proposed/);
    const flagged = { ...chart.operators[0], place, words: ['--cache-image=x'], variables: [] };
    const [other] = proposeRules(
      inside,
      images.map((image) => ({ ...image, containers: [flagged] })),
    );
    expect(other?.rule.images[1]?.redirect).toEqual({ kind: 'argument', name: '--cache-image' });
  });
});
