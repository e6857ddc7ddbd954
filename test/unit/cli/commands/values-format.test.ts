import { expect, it } from 'vitest';
import { installedFrom } from '../../../../src/cli/commands/values-format.ts';
import type { ValuesOptions } from '../../../../src/workflows/values/values.ts';

const target = { registry: 'r.example:5000', prefix: 'm', naming: 'host-path' };
const options = { target, bundle: 'a.tar' } as unknown as ValuesOptions;

it('an installation takes the pushed chart, and the access and namespace of this run', () => {
  expect(installedFrom(options, 'web', { plainHttp: ['r.example:5000'] }, { HELM_NAMESPACE: 'shop' })).toEqual({
    pushed: 'oci://r.example:5000/m/charts/web',
    plainHttp: true,
    isConfigured: false,
    namespace: 'shop',
  });
  const local = { ...options, bundle: undefined } as unknown as ValuesOptions;
  expect(installedFrom(local, 'web', { plainHttp: [] }, { HELM_NAMESPACE: 'default' })).toEqual({
    pushed: undefined,
    plainHttp: false,
    isConfigured: false,
    namespace: undefined,
  });
});

it('a chart that no registry can hold is a placeholder, not an error', () => {
  expect(installedFrom(options, 'MyChart', { plainHttp: [] }, {}).pushed).toBe('CHART');
});

it('values in a configuration file are noticed', () => {
  const jobs = [{ profiles: [{ options: {} }, { options: { values: ['a.yaml'] } }] }];
  const configured = { ...options, jobs } as unknown as ValuesOptions;
  expect(installedFrom(configured, 'web', { plainHttp: [] }, {}).isConfigured).toBe(true);
});
