import { describe, expect, it } from 'vitest';
import { awsClientSettings } from '../../../src/ecr/connection.ts';
import type { EcrOptions } from '../../../src/ecr/options.ts';

const own = { ca: ['own root'], cert: 'certificate', key: 'key', files: { caFiles: [] } };
const options: EcrOptions = {
  env: {},
  endpointUrl: 'https://vpce.example:8443',
  certificates: () => ['root'],
  hostCertificates: (host) => (host === 'vpce.example:8443' ? own : undefined),
};
const agentOf = (given: EcrOptions): Record<string, unknown> =>
  awsClientSettings(given, 'ECR', 'us-east-1').requestHandler.httpsAgent.options as never;

describe('the settings of an AWS client', () => {
  it('include roots and client certificate of a custom endpoint', () => {
    expect(agentOf(options)).toMatchObject({ ca: ['root', 'own root'], cert: 'certificate', key: 'key' });
    const { endpointUrl: _, ...usual } = options;
    expect(agentOf(usual)).toMatchObject({ ca: ['root'] });
    expect(agentOf(usual)).not.toHaveProperty('cert');
  });

  it('have no client certificate for a TLS proxy', () => {
    expect(agentOf({ ...options, env: { HTTPS_PROXY: 'https://proxy.example' } })).not.toHaveProperty('cert');
    expect(agentOf({ ...options, env: { HTTPS_PROXY: 'http://proxy.example' } })).toHaveProperty('cert');
  });

  it('allow time for distant addresses, but limit the wait for a response', () => {
    expect(agentOf(options).autoSelectFamilyAttemptTimeout).toBeGreaterThan(1000);
    const { requestHandler } = awsClientSettings(options, 'ECR', 'us-east-1');
    expect(requestHandler.throwOnRequestTimeout).toBe(true);
    // Three attempts within a minute.
    expect(3 * requestHandler.requestTimeout).toBeLessThan(55_000);
  });
});
