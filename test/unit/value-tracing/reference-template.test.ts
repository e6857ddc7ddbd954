import { describe, expect, it } from 'vitest';
import { markLeaves } from '../../../src/value-tracing/markers.ts';
import { emptySegment, type NameSegment, segmentPath, segmentsOf } from '../../../src/value-tracing/name-segments.ts';
import { referenceTemplatesIn, type TemplatePart } from '../../../src/value-tracing/reference-template.ts';

/** Returns the templates of a reference that `template` builds from leaves; `others` are other references of the render. */
function templatesOf(
  values: Readonly<Record<string, string>>,
  written: string,
  template: (value: (path: string) => string) => string,
  others: readonly string[] = [],
): string[] {
  const segments: NameSegment[] = Object.entries(values).flatMap(([path, value]) => {
    const leaf = { path: path.split('.'), value };
    return value === '' ? [emptySegment(leaf)] : segmentsOf(leaf, [written, ...others]);
  });
  const marked = new Map(markLeaves(segments).map(({ leaf, value }) => [leaf.path.join('.'), value]));
  const base = template((path) => values[path] ?? '');
  const text = template((path) => marked.get(path) ?? values[path] ?? '');
  return referenceTemplatesIn(base, text, written, segments).map((parts) => parts.map(formatPart).join(' '));
}

function formatPart(part: TemplatePart): string {
  if (part.kind === 'literal') return JSON.stringify(part.text);
  const last = part.segment.components.length - 1;
  const range = part.from === 0 && part.to === last ? '' : `[${part.from}-${part.to}]`;
  return `${segmentPath(part.segment)}${range}=${part.text}`;
}

describe('the template of a reference', () => {
  it('has registry, repository and literals of the template', () => {
    const values = { 'image.registry': 'quay.io:443', 'image.repository': 'acme/app' };
    expect(
      templatesOf(
        values,
        'quay.io:443/acme/app:v1',
        (value) => `${value('image.registry')}/${value('image.repository')}:v1`,
      ),
    ).toEqual(['image.registry=quay.io:443 "/" image.repository=acme/app ":v1"']);
  });

  it('is returned for a name before a colon, which a tag does not follow', () => {
    const text = templatesOf(
      { image: 'quay.io/acme/app' },
      'quay.io/acme/app',
      (value) => `copy ${value('image')}: done`,
    );
    expect(text).toEqual(['image=quay.io/acme/app']);
  });

  it('is returned for each occurrence of the reference in a text', () => {
    const text = templatesOf(
      { image: 'quay.io/acme/app:1' },
      'quay.io/acme/app:1',
      (value) => `--a=${value('image')}\n--b=${value('image')}`,
    );
    expect(text).toEqual(['image=quay.io/acme/app ":1"', 'image=quay.io/acme/app ":1"']);
  });

  it('has one of several references in a leaf with several lines', () => {
    const list = 'one=quay.io/acme/one:1\ntwo=quay.io/acme/two:2\n';
    expect(templatesOf({ list }, 'quay.io/acme/two:2', (value) => value('list'))).toEqual([
      'list=quay.io/acme/two ":2"',
    ]);
  });

  it('has the components that a template uses', () => {
    const values = { 'image.repository': 'quay.io/acme/app' };
    const last = templatesOf(
      values,
      'quay.io/fixed/app:1',
      (value) => `quay.io/fixed/${value('image.repository').split('/').at(-1)}:1`,
    );
    expect(last).toEqual([]);
    const image = { image: 'quay.io/acme/app' };
    expect(
      templatesOf(image, 'quay.io/acme/app:1', (value) => `${value('image').split('/').slice(0, 2).join('/')}/app:1`),
    ).toEqual(['image[0-1]=quay.io/acme "/app:1"']);
  });

  it('has the name from an empty leaf, with its slash', () => {
    const values = { 'global.imageRegistry': '', 'image.repository': 'acme/app' };
    const template = (value: (path: string) => string): string =>
      `image: ${[value('global.imageRegistry'), value('image.repository')].filter(Boolean).join('/')}:1`;
    expect(templatesOf(values, 'acme/app:1', template)).toEqual([
      'global.imageRegistry= "/" image.repository=acme/app ":1"',
    ]);
  });

  it('is missing if no leaf builds the reference', () => {
    expect(templatesOf({ image: 'quay.io/acme/app:1' }, 'busybox:1', () => 'image: busybox:1')).toEqual([]);
  });

  it('is missing if it would begin inside a name', () => {
    const values = { image: 'quay.io:443/acme/app' };
    const whole = ['quay.io:443/acme/app:1'];
    expect(templatesOf(values, '443/acme/app:1', (value) => `${value('image')}:1`, whole)).toEqual([]);
  });

  it('is missing if the line is gone with other values, although its ends exist', () => {
    const image = 'quay.io/acme/app:1';
    expect(templatesOf({ image }, image, (value) => (value('image') === image ? `- ${image} -` : '- -'))).toEqual([]);
  });
});
