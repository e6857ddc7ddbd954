import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Location } from '../../../src/inventory/finding.ts';
import { copiedUserValues, formatOverrides } from '../../../src/overrides/overrides-file.ts';
import { settingsOf } from '../../../src/overrides/settings/setting.ts';
import { buildOverlay } from '../../../src/value-tracing/leaves.ts';
import type { NameSegment } from '../../../src/value-tracing/name-segments.ts';
import { WEB_POD } from '../../support/overrides/web-pod.ts';

const location = (written: string): Location => ({
  ...WEB_POD,
  path: 'image',
  how: 'pod-spec',
  written,
});
const BASE = { b: { list: [{ image: 'x:1', keep: true }, { image: 'y:1' }] }, 'a.b': { image: 'z:1' } };
const settings = [
  { path: ['a.b', 'image'], value: 'ecr.example/z:1', comment: 'z:1' },
  { path: ['b', 'list', 1, 'image'], value: 'ecr.example/y:1', comment: 'y:1' },
];

describe('an overrides file', () => {
  it('contain only the set leaves, with whole lists', () => {
    expect(parse(formatOverrides(['head'], BASE, settings))).toEqual({
      'a.b': { image: 'ecr.example/z:1' },
      b: { list: [{ image: 'x:1', keep: true }, { image: 'ecr.example/y:1' }] },
    });
  });

  it('name the moved references before each leaf or its list', () => {
    const text = formatOverrides(['Overrides for web'], BASE, settings);
    expect(text).toMatch(/^# Overrides for web\n/);
    expect(text).toMatch(/ {2}# z:1\n {2}image: ecr\.example\/z:1/);
    expect(text).toMatch(/ {2}# y:1\n {2}list:/);
  });

  it('do not depend on the order of the solution', () => {
    const segment = (path: string, text: string): NameSegment => ({
      leaf: { path: [path], value: `${text}:1` },
      start: 0,
      end: text.length,
      components: text.split('/'),
      hostFirst: false,
      suffix: '',
    });
    const [one, two] = [segment('one', 'acme/one'), segment('two', 'acme/two')];
    const assignment: [NameSegment, string][] = [
      [one, 'ecr.example/one'],
      [two, 'ecr.example/two'],
    ];
    const moves: [NameSegment, Location[]][] = [
      [one, [location('c:1'), location('a:1')]],
      [two, [location('b:1')]],
    ];
    const texts = [false, true].map((isReversed) => {
      const inOrder = <T>(list: readonly T[]): T[] => (isReversed ? [...list].reverse() : [...list]);
      const solution = {
        assignment: new Map(inOrder(assignment)),
        moves: new Map(inOrder(moves)),
        unsolved: [],
      };
      return formatOverrides([], {}, settingsOf(solution, { switches: [['ok']] }));
    });
    expect(texts[0]).toBe(texts[1]);
    expect(parse(texts[0] ?? '')).toEqual({ ok: true, one: 'ecr.example/one:1', two: 'ecr.example/two:1' });
    expect(texts[0]).toMatch(/# a:1\n# c:1\none:/);
  });

  it('keep each comment on one line for every YAML parser', () => {
    const breaks = 'x\u0085evil: 1\u2028evil: 2\u2029evil: 3\revil: 4\u001b[2J';
    const comment = `quay.io/a:1\n${breaks}`;
    const text = formatOverrides([`Still public: ${breaks}\nevil: 5`], {}, [{ path: ['a'], value: 'b', comment }]);
    const lines = text.split(/[\n\r\u0085\u2028\u2029]/);
    expect(lines.filter((line) => !/^(?:#|$)/.test(line))).toEqual(['a: b']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('quote strings that YAML 1.1 parsers such as Helm would convert', () => {
    const strings = [
      'on',
      'off',
      'yes',
      'No',
      'y',
      'n',
      '1_000',
      '017',
      '0o17',
      '12:30:45',
      '1e3',
      '2024-01-01',
      '~',
      '<<',
    ];
    const text = formatOverrides([], {}, [{ path: ['list'], value: strings, comment: 'a' }]);
    expect(parse(text, { version: '1.1' })).toEqual({ list: strings });
    expect(formatOverrides([], {}, [{ path: ['on'], value: { y: 'x' }, comment: 'a' }])).toContain('"on":\n  "y": x');
  });

  it('are an empty map when nothing is set', () => {
    expect(buildOverlay(BASE, [])).toEqual({});
    expect(parse(formatOverrides(['none'], BASE, []))).toEqual({});
  });
});

const base = {
  image: { registry: 'quay.io', repository: 'acme/app', tag: '' },
  url: 'https://quay.io/acme/chart',
  folder: 'https://charts.example/stable/',
  containers: [{ name: 'agent', image: 'quay.io/acme/agent:1', env: [{ name: 'PASSWORD', value: 'hunter2' }] }],
  numbers: [{ image: 'quay.io/acme/n:1', pin: 4711 }],
  images: ['quay.io/acme/a:1'],
  config: { 'app.yaml': 'image: quay.io/acme/agent:1\npassword: hunter2\n' },
};
const options = { values: ['site.yaml'] };

it.each([
  ['names', { image: { registry: 'r.example', repository: 'x/acme/app', tag: '1' } }, []],
  ['an address', { url: 'https://r.example/chart' }, []],
  ['an address with a slash at its end', { folder: 'oci://r.example/charts/x' }, []],
  ['a list of nothing but new names', { images: ['r.example/acme/a:1'] }, []],
  ['a list', { containers: [{ name: 'agent', image: 'r.example/a:1' }] }, ['containers']],
  ['a number in a list', { numbers: [{ image: 'r.example/n:1', pin: 4711 }] }, ['numbers']],
  ['a text', { config: { 'app.yaml': 'image: r.example/a:1\npassword: hunter2\n' } }, ['config."app.yaml"']],
  ['what was not there', { pullSecrets: [{ name: 'regcred' }], other: 'a b c' }, []],
])('copied values for overrides with %s', (_, overrides, copied) => {
  expect(copiedUserValues(base, overrides, options)).toEqual(copied);
});

it('is empty without user values', () => {
  const list = { containers: [{ name: 'agent', image: 'r.example/a:1' }] };
  expect(copiedUserValues(base, list, { values: [], set: [] })).toEqual([]);
  expect(copiedUserValues(base, list, { values: [], set: ['a=b'] })).toEqual(['containers']);
});
