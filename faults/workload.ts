import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment } from '../test/support/cli.ts';
import { pushImage } from '../test/support/images.ts';
import { startRegistry, type TestRegistry } from '../test/support/registry.ts';

/** Where each image and the chart are, in any registry. */
export const NAMES = ['team/app', 'team/tool', 'charts/demo'] as const;

/** Bytes of a layer: several pieces of a connection, and soon there. */
const LAYER = 150_000;

const TEMPLATE = `apiVersion: v1
kind: Pod
metadata: {name: demo}
spec:
  containers:
    - {name: app, image: "upstream.example/team/app:1"}
    - {name: tool, image: "upstream.example/team/tool:2"}
`;

/**
 * A registry with what is carried: an image of two platforms, one of a single platform that shares a layer with it, and
 * a chart that wants both.
 * @param home an empty folder
 */
export async function startSource(home: string): Promise<TestRegistry> {
  const source = await startRegistry();
  await pushImage(source.host, 'team/app', '1', { size: LAYER, sharedLayer: 'base' });
  await pushImage(source.host, 'team/tool', '2', { size: LAYER, sharedLayer: 'base', platforms: ['linux/amd64'] });
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
