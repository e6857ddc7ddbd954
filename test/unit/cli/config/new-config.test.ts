import { describe, expect, it } from 'vitest';
import { KEY_LINES, newConfigText, PROFILE_LINES } from '../../../../src/cli/config/new-config.ts';
import { parseConfig } from '../../../../src/cli/config/read.ts';

const HEAD = 'apiVersion: airgap/v1\nkind: Config\n';
const NOTHING = { valuesPath: () => undefined, plainHttp: [], clientCertificates: {}, head: [] };
const COMPLETE = { candidates: [], lacksRepo: false };

it('the lines in comments are valid when the # is removed', () => {
  // A password is written as a variable, which the reader leaves as it is.
  expect(Object.keys(parseConfig(`${HEAD}${KEY_LINES.join('\n')}\n`).naming ?? {})).toEqual(['default']);
  const chart = ['charts:', '  - chart: ./a', ...PROFILE_LINES.map((line) => `    ${line}`)];
  expect(parseConfig(`${HEAD}${chart.join('\n')}\n`).charts[0]?.profiles).toHaveLength(1);
});

it('every comment of the file can be used', () => {
  const text = newConfigText({ ...NOTHING, charts: [{ chart: './a', ...COMPLETE }] });
  const used = text
    .split('\n')
    .filter((line) => !/^# [A-Z]/.test(line))
    .map((line) => line.replace(/^# ?/, ''));
  const keys = used.slice(used.findIndex((line) => line.startsWith('images:')));
  expect(Object.keys(parseConfig(`${HEAD}${keys.join('\n')}`)).length).toBeGreaterThan(KEY_LINES.length);
});

describe('hostile names stay texts', () => {
  it.each(['$' + '{HOME}', 'a: b', '# x', 'yes', '1.10', 'a\nb: c', '\u202e'])('%j', (name) => {
    const charts = [{ chart: `./${name}`, repo: name, version: name, candidates: [name], lacksRepo: true }];
    const read = parseConfig(newConfigText({ ...NOTHING, charts, head: [name] }));
    expect(read.charts).toEqual([{ chart: `./${name}`, repo: name, version: name }]);
  });
});

it('connections are kept', () => {
  const clientCertificates = { 'r.example': { cert: './c.pem', key: './k.pem' } };
  const text = newConfigText({
    ...NOTHING,
    charts: [],
    plainHttp: ['r.example'],
    caFile: './ca.pem',
    clientCertificates,
  });
  expect(parseConfig(text)).toMatchObject({ plainHttp: ['r.example'], caFile: './ca.pem', clientCertificates });
});
