import { expect, it } from 'vitest';
import type { ListContent } from '../../../../src/lists/index.ts';
import { importedConfig } from '../../../../src/workflows/import/imported-config.ts';

const place = { file: 'a', line: 1 };
const later = { file: 'b', line: 9 };
const none = { charts: [], images: [], manifests: [], kustomize: [], registries: [], targets: [], logins: [] };
const empty: ListContent = { format: 'text', ...none, notTaken: [] };
const chart = { chart: 'app', isPath: false, repo: 'https://c.example', version: '1.0.0', values: [], place };
const image = { reference: 'quay.io/a/b:1', platforms: [], place };

it('each image, path and chart is there once, with its first place', () => {
  const path = { path: './deploy', place };
  const list = { ...empty, charts: [chart], images: [image], manifests: [path], kustomize: [path] };
  const again = {
    ...empty,
    charts: [
      { ...chart, place: later },
      { ...chart, version: '2.0.0', place: later },
    ],
    images: [{ ...image, place: later }],
    manifests: [{ ...path, place: later }],
  };
  const { config, notTaken } = importedConfig([list, again]);
  const { chart: name, repo, version } = chart;
  expect(config).toEqual({
    charts: [
      { value: { chart: name, repo, version }, place },
      { value: { chart: name, repo, version: '2.0.0' }, place: later },
    ],
    images: [{ value: 'quay.io/a/b:1', place }],
    manifests: [{ value: './deploy', place }],
    kustomize: [{ value: './deploy', place }],
    ...{ from: [], to: [], logins: [], platforms: [] },
  });
  expect(notTaken).toEqual([]);
});

it('sets of values files of one chart are its profiles', () => {
  const charts = [[], ['a.yaml'], ['a.yaml'], ['b.yaml']].map((values) => ({ ...chart, values }));
  expect(importedConfig([{ ...empty, charts }]).config.charts.map(({ value }) => value.profiles)).toEqual([
    [
      { name: 'default', values: [] },
      { name: 'values-2', values: ['a.yaml'] },
      { name: 'values-3', values: ['b.yaml'] },
    ],
  ]);
});

it('platforms are those that all images state; others are named', () => {
  const amd = ['linux/amd64'];
  const both = ['linux/arm64', 'linux/amd64'];
  const of = (...platforms: string[][]) =>
    importedConfig([
      { ...empty, images: platforms.map((stated, i) => ({ ...image, reference: `${i}`, platforms: stated })) },
    ]);
  expect(of(amd, amd).config.platforms).toEqual(amd);
  expect(of(both, both.toReversed()).config.platforms).toEqual(both.toSorted());
  for (const mixed of [of(amd, both), of(amd, [])]) {
    expect(mixed.config.platforms).toEqual([]);
    expect(mixed.notTaken).toMatchObject([{ place }]);
  }
});

it('registries are sources and a destination; each has one login, of variables', () => {
  const list = {
    ...empty,
    registries: [{ registry: 's.example', repositories: ['a/*'], place }],
    targets: [{ target: 'd.example/x', place }],
    logins: [{ registry: 's.example', username: 'USER', password: 'SECRET', place }],
  };
  const again = {
    ...list,
    registries: [{ registry: 't.example', repositories: [], place: later }],
    logins: [
      { registry: 's.example', token: 'OTHER', place: later },
      { registry: 'd.example', token: 'TOKEN', place: later },
    ],
  };
  const { config, notTaken } = importedConfig([list, again]);
  expect(config.from).toEqual([
    { value: { registry: 's.example', repositories: ['a/*'] }, place },
    { value: { registry: 't.example' }, place: later },
  ]);
  expect(config.to).toEqual([{ value: 'd.example/x', place }]);
  expect(config.logins.map(({ value }) => value)).toEqual([
    { registry: 's.example', username: '$' + '{USER}', password: '$' + '{SECRET}' },
    { registry: 'd.example', token: '$' + '{TOKEN}' },
  ]);
  expect(config.naming).toEqual({ default: 'path' });
  expect(notTaken).toMatchObject([{ place: later }]);
  // Names in one registry alone are not what a script keeps.
  expect(importedConfig([{ ...list, registries: [] }]).config.naming).toBeUndefined();
});
