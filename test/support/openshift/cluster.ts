import type { Authority } from '../certificate.ts';
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

/** Address of the registry inside each cluster. */
export const INTERNAL = 'image-registry.openshift-image-registry.svc:5000';

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
 * Deployment name them in all the ways that workloads have.
 * @returns digests by `STREAM:TAG`
 */
export async function fillShop({ api, route }: OpenShift): Promise<ReadonlyMap<string, string>> {
  const { host } = route.registry;
  const [web, pushed, cache] = await Promise.all([
    pushImage(host, 'shop/web', 'latest', { platforms: ['linux/amd64'] }),
    pushImage(host, 'shop/api', '1.0', { platforms: ['linux/amd64', 'linux/arm64'] }),
    pushImage(host, 'shop/cache', '7', { platforms: ['linux/amd64'] }),
  ]);
  await pushImage(host, 'shop/api', 'latest', { name: 'shop/api:1.0', platforms: ['linux/amd64', 'linux/arm64'] });
  // Tags that no image stream names any more: nobody asked for them.
  await pushImage(host, 'shop/web', 'old', { platforms: ['linux/amd64'] });
  const redis = `sha256:${'7'.repeat(64)}`;
  api.objects.push(
    stream('web', [], { latest: `${INTERNAL}/shop/web@${web}` }),
    stream('api', [{ name: 'latest', from: { kind: 'ImageStreamTag', name: 'api:1.0' } }], {
      '1.0': `${INTERNAL}/shop/api@${pushed}`,
      latest: `${INTERNAL}/shop/api@${pushed}`,
    }),
    stream(
      'cache',
      [
        {
          name: '7',
          from: { kind: 'DockerImage', name: 'registry.example.com/base/cache:7' },
          referencePolicy: { type: 'Local' },
        },
      ],
      { 7: `registry.example.com/base/cache@${cache}` },
    ),
    stream('redis', [{ name: '7', from: { kind: 'DockerImage', name: 'docker.io/library/redis:7' } }], {
      7: `docker.io/library/redis@${redis}`,
    }),
    {
      apiVersion: 'build.openshift.io/v1',
      kind: 'BuildConfig',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } },
        strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift', name: 'nodejs:20' } } },
      },
    },
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
    ['api:1.0', pushed],
    ['api:latest', pushed],
    ['cache:7', cache],
  ]);
}

function stream(name: string, tags: readonly object[], images: Readonly<Record<string, string>>): ApiObject {
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name, namespace: 'shop' },
    spec: { lookupPolicy: { local: false }, ...(tags.length > 0 && { tags }) },
    status: {
      dockerImageRepository: `${INTERNAL}/shop/${name}`,
      tags: Object.entries(images).map(([tag, dockerImageReference]) => ({
        tag,
        items: [
          {
            created: '2026-01-01T00:00:00Z',
            dockerImageReference,
            image: dockerImageReference.slice(dockerImageReference.indexOf('@') + 1),
            generation: 1,
          },
        ],
      })),
    },
  };
}
