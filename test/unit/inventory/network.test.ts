import { expect, it } from 'vitest';
import { networkRecord, networkSchema } from '../../../src/inventory/network.ts';

const location = {
  ...{ chart: 'app', profile: 'default', template: 'app/templates/a.yaml', kind: 'Job', name: 'fetch', path: 'spec' },
  ...{ document: 0, command: 'curl -H "Authorization: Bearer hunter2" https://b.example' },
};

it('a record is sorted by address, and has the locations without the command lines', () => {
  const needs = [
    { url: 'https://b.example', kind: 'download', found: [{ ...location, within: 'args', hook: 'pre-install' }] },
    { url: 'git://a.example/x.git', kind: 'git', found: [location], off: { path: 'fetch.enabled' } },
  ];
  const record = networkRecord(needs);
  const { document: _, command: __, ...kept } = location;
  expect(record).toEqual([
    { url: 'git://a.example/x.git', kind: 'git', found: [kept] },
    { url: 'https://b.example', kind: 'download', found: [{ ...kept, within: 'args', hook: 'pre-install' }] },
  ]);
  expect(JSON.stringify(record)).not.toContain('hunter2');
  expect(networkSchema.parse(record)).toEqual(record);
  expect(needs[0]?.url).toBe('https://b.example');
});
