import type { Authority } from '../certificate.ts';
import { buildConfig, INTERNAL, imageStream, pushed } from '../image-streams.ts';
import { pushImage } from '../images.ts';
import { type ApiObject, type ObjectServer, startObjectServer } from './object-server.ts';
import { type RegistryRoute, startRoute } from './route.ts';

/** A cluster of OpenShift, as far as an export and its registry go. */
export interface OpenShift {
  readonly api: ObjectServer;
  readonly route: RegistryRoute;
  /** Token of its only user. */
  readonly token: string;
  stop(): Promise<void>;
}

/** Starts a cluster with the objects by which its registry is found. @param authority signs the certificate of the route */
export async function startOpenShift(authority: Authority, token: string): Promise<OpenShift> {
  const route = await startRoute(authority.issue('route'), token);
  const api = await startObjectServer(token, [
    {
      apiVersion: 'config.openshift.io/v1',
      kind: 'Image',
      metadata: { name: 'cluster' },
      spec: {},
      status: { internalRegistryHostname: INTERNAL },
    },
    {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: { name: 'default-route', namespace: 'openshift-image-registry' },
      spec: { host: route.host, to: { kind: 'Service', name: 'image-registry' }, tls: { termination: 'reencrypt' } },
    },
  ]);
  return {
    api,
    route,
    token,
    async stop() {
      await Promise.all([api.stop(), route.stop()]);
    },
  };
}

/** Tags of {@link fillShop} that have to be moved, without the namespace. */
export const MOVED = ['api:1.0', 'api:latest', 'cache:7', 'web:latest'];

/**
 * Fills a cluster with the namespace `shop`: `web:latest` is built there, `api:1.0` was pushed, `api:latest` follows it,
 * `cache:7` was imported from a registry inside with referencePolicy Local, `redis:7` from a public one. Its DeploymentConfig and
 * Deployment name them by tag, by digest and in a trigger.
 * @returns digests by `STREAM:TAG`
 */
export async function fillShop({ api, route }: OpenShift): Promise<ReadonlyMap<string, string>> {
  const { host } = route.registry;
  const [web, release, cache] = await Promise.all([
    pushImage(host, 'shop/web', 'latest', { platforms: ['linux/amd64'] }),
    pushImage(host, 'shop/api', '1.0', { platforms: ['linux/amd64', 'linux/arm64'] }),
    pushImage(host, 'shop/cache', '7', { platforms: ['linux/amd64'] }),
  ]);
  await pushImage(host, 'shop/api', 'latest', { name: 'shop/api:1.0', platforms: ['linux/amd64', 'linux/arm64'] });
  // Tags that no image stream names any more: nobody asked for them.
  await pushImage(host, 'shop/web', 'old', { platforms: ['linux/amd64'] });
  const image = (name: string, digest: string) => [`${name}@${digest}`, digest] as const;
  const objects = [
    imageStream('shop/web', { latest: { images: [pushed('shop/web', web)] } }),
    imageStream('shop/api', {
      '1.0': { images: [pushed('shop/api', release)] },
      latest: { from: { kind: 'ImageStreamTag', name: 'api:1.0' }, images: [pushed('shop/api', release)] },
    }),
    imageStream('shop/cache', {
      7: {
        from: { kind: 'DockerImage', name: 'registry.example.com/base/cache:7' },
        policy: 'Local',
        images: [image('registry.example.com/base/cache', cache)],
      },
    }),
    imageStream('shop/redis', {
      7: {
        from: { kind: 'DockerImage', name: 'docker.io/library/redis:7' },
        images: [image('docker.io/library/redis', `sha256:${'7'.repeat(64)}`)],
      },
    }),
    buildConfig('shop/web', 'web:latest'),
  ];
  api.objects.push(
    ...(objects as ApiObject[]),
    {
      apiVersion: 'apps.openshift.io/v1',
      kind: 'DeploymentConfig',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        template: { spec: { containers: [{ name: 'web', image: `${INTERNAL}/shop/web@${web}` }] } },
        triggers: [
          {
            type: 'ImageChange',
            imageChangeParams: {
              automatic: true,
              containerNames: ['web'],
              from: { kind: 'ImageStreamTag', namespace: 'shop', name: 'web:latest' },
            },
          },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'api', namespace: 'shop', annotations: { note: 'shop/api is not an image here' } },
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'api', image: `${INTERNAL}/shop/api:1.0` },
              { name: 'cache', image: `${INTERNAL}/shop/cache:7` },
              { name: 'redis', image: 'docker.io/library/redis:7' },
            ],
          },
        },
      },
    },
  );
  return new Map([
    ['web:latest', web],
    ['api:1.0', release],
    ['api:latest', release],
    ['cache:7', cache],
  ]);
}
