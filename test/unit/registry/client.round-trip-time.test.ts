import { expect, it, onTestFinished } from 'vitest';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type ScriptedServer, startScript } from '../../support/scripted-server.ts';

const body = JSON.stringify({ schemaVersion: 2, config: {}, layers: [] });

/** Starts a registry with a delay in milliseconds for each of the manifests 0, 1, … */
async function registry(...delays: number[]): Promise<ScriptedServer> {
  const server = await startScript(
    delays.map((delay, tag) => ({
      expect: `GET /v2/a/b/manifests/${tag}`,
      raw: (response) => {
        setTimeout(() => response.writeHead(200, { 'content-type': MediaType.ociManifest }).end(body), delay);
      },
    })),
  );
  onTestFinished(() => server.stop());
  return server;
}

it('is that of the slowest registry, by the fastest response of each', async () => {
  const near = await registry(0, 0, 0);
  const far = await registry(200, 60, 200);
  const client = clientFor([near.host, far.host]);
  onTestFinished(() => client.close());
  expect(client.roundTripTime()).toBe(0);
  for (const tag of ['0', '1', '2']) await client.manifest({ registry: far.host, path: 'a/b' }, tag);
  const alone = client.roundTripTime();
  expect(alone).toBeGreaterThanOrEqual(59);
  expect(alone).toBeLessThan(200);
  // On a busy machine the first may take longer than those of the other registry.
  for (const tag of ['0', '1', '2']) await client.manifest({ registry: near.host, path: 'a/b' }, tag);
  expect(client.roundTripTime()).toBe(alone);
});
