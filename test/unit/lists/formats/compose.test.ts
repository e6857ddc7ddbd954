// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose
import { describe, expect, it } from 'vitest';
import { interpolate } from '../../../../src/lists/formats/compose-variables.ts';
import { type ListContent, readList } from '../../../../src/lists/index.ts';

function read(text: string, variables: Record<string, string> = {}): ListContent {
  return readList(Buffer.from(text), { file: 'compose.yaml', variables: new Map(Object.entries(variables)) });
}

it('services have images, also by anchors, merge keys and variables', () => {
  const { images, notTaken } = read(
    `x-a: &a {image: "a:\${TAG:-1}", platform: linux/arm64}
services:
  one: *a
  two: {<<: *a, image: b:2}
  three: {image: "c:$V"}
  four: {build: .}
  five: {build: {context: .}, image: d:1}
  six: {extends: {file: other.yaml, service: x}}
  seven: {extends: one}
include: [other/compose.yaml]
`,
    { V: '3' },
  );
  expect(images.map(({ reference, platforms }) => [reference.replace('docker.io/library/', ''), platforms])).toEqual([
    ['a:1', ['linux/arm64']],
    ['b:2', ['linux/arm64']],
    ['c:3', []],
    ['d:1', []],
  ]);
  expect(notTaken.map(({ place }) => place.line)).toEqual([6, 7, 8, 10]);
});

it('takes image volumes, and names models and what providers run', () => {
  const { images, notTaken } = read(`services:
  one:
    image: a:1
    volumes:
      - "./data:/data"
      - {type: bind, source: b:1, target: /b}
      - {type: image, source: "c:\${TAG:-1}", target: /c}
  two: {build: ., volumes: [{type: image, source: d:1}]}
  three: {provider: {type: x}}
models:
  four: {model: ai/smollm2}
`);
  expect(images.map(({ reference, place }) => [reference.replace('docker.io/library/', ''), place.line])).toEqual([
    ['c:1', 7],
    ['a:1', 3],
    ['d:1', 8],
  ]);
  expect(notTaken.map(({ place }) => place.line).toSorted((a, b) => a - b)).toEqual([8, 9, 11]);
});

it.each(['image: "a:$V"', 'image: "a:${V:?needed}"', 'image: "a:${V!}"', 'image: "a:${V"', 'ports: ["80:80"]'])(
  'a service with %s is a problem with its line',
  (field) => {
    expect(() => read(`services:\n  a:\n    ${field}\n`)).toThrow(/^compose\.yaml:3: /);
  },
);

describe('interpolation', () => {
  it.each([
    ['$A', '1'],
    ['x${A}y', 'x1y'],
    ['${A:-2}${B:-2}${B-3}', '123'],
    ['${E:-2}${E-3}', '2'],
    ['${A:+y}${B:+n}', 'y'],
    ['$$A ${B:-${C:-${A}}}', '$A 1'],
    ['${A:?why}', '1'],
  ])('%s', (text, filled) => {
    const variables = new Map([
      ['A', '1'],
      ['E', ''],
    ]);
    expect(interpolate(text, variables)).toEqual({ text: filled, unknown: [] });
  });

  it.each(['$B', '${B}', '${B:?x}', '${', '${}', '${A', '$', '${B:-$C}', '${B:-'.repeat(20_000)])(
    '%s is unknown',
    (text) => {
      expect(interpolate(text, new Map([['A', '1']])).unknown.length).toBeGreaterThan(0);
    },
  );
});
