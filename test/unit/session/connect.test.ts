import { expect, onTestFinished, test } from 'vitest';
import { connectMirantis } from '../../../src/session/connect.ts';

const env = { AIRGAP_AUTH_MY_REGISTRY_EXAMPLE_USERNAME: 'me', AIRGAP_AUTH_MY_REGISTRY_EXAMPLE_PASSWORD: 'geheim' };

test('a host that only a chart names does not get the login of another one', async () => {
  const access = { mirrors: [], plainHttp: [], named: ['my.registry.example'], isQuick: true };
  const client = connectMirantis({ env, cwd: '/', emit: () => {} }, access, 'my-registry.example');
  onTestFinished(() => client.close());
  await expect(client.offersRepositories()).rejects.toMatchObject({ code: 'config' });
});
