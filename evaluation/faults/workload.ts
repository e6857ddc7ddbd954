import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildArtifact, cosignSignature, listUnderTag, tagFor } from '../../test/support/artifacts.ts';
import { cleanEnvironment } from '../../test/support/cli.ts';
import { type BuiltManifest, buildImage, pushBuilt, pushImage } from '../../test/support/images.ts';
import { startRegistry, type TestRegistry } from '../../test/support/registry.ts';
import type { Registries } from './worker.ts';

/** Repositories of the images and of the chart, in any registry. */
export const NAMES = ['team/app', 'team/tool', 'charts/demo'] as const;

/** Number of referrers: a signature and an SBOM. */
export const REFERRERS = 2;

/** Bytes of a layer: several reads of a connection, and quick to transfer. */
const LAYER = 150_000;

const TEMPLATE = `apiVersion: v1
kind: Pod
metadata: {name: demo}
spec:
  containers:
    - {name: app, image: "upstream.example/team/app:1"}
    - {name: tool, image: "upstream.example/team/tool:2"}
`;

/** Starts a source with the workload, and an empty target. @param home an empty folder */
export async function startRegistries(home: string): Promise<Registries> {
  return { source: await startSource(home), target: await startRegistry() };
}

/**
 * Starts a registry with the content of the bundles: an image of two platforms with a cosign signature, one of a single
 * platform that shares a layer with it and has an SBOM, listed under the fallback tag, and a chart that uses both.
 * @param home an empty folder
 */
async function startSource(home: string): Promise<TestRegistry> {
  const source = await startRegistry();
  const app = await pushImage(source.host, 'team/app', '1', { size: LAYER, sharedLayer: 'base' });
  const options = { name: 'team/tool:2', size: LAYER, sharedLayer: 'base', platforms: ['linux/amd64'] };
  const tool = buildImage(options);
  await pushBuilt(source.host, 'team/tool', '2', tool);
  const { privateKey } = generateKeyPairSync('ed25519');
  await pushBuilt(source.host, 'team/app', tagFor(app, 'sig'), cosignSignature(privateKey, 'team/app', app));
  const size = (tool.manifests[0] as BuiltManifest).bytes.length;
  const subject = { mediaType: tool.mediaType, digest: tool.digest, size };
  const layers = [{ mediaType: 'application/spdx+json', bytes: Buffer.from('{"spdxVersion":"SPDX-2.3"}') }];
  const sbom = buildArtifact({ artifactType: 'application/spdx+json', layers, subject });
  await pushBuilt(source.host, 'team/tool', undefined, sbom);
  await listUnderTag(source.host, 'team/tool', tool.digest, sbom);
  const chart = join(home, 'demo');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');
  writeFileSync(join(chart, 'templates/pod.yaml'), TEMPLATE);
  const env = cleanEnvironment(home);
  const helm = (...args: string[]): void => {
    execFileSync(env.HELM_BIN as string, args, { env, cwd: home, stdio: 'ignore' });
  };
  helm('package', chart);
  helm('push', 'demo-1.0.0.tgz', `oci://${source.host}/charts`, '--plain-http');
  return source;
}
