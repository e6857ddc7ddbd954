import { describe, expect, test } from 'vitest';
import { type AddressObject, addressesIn, parseRegistryRoute } from '../../../src/openshift/registry-addresses.ts';

const [REGISTRY_4, REGISTRY_3] = [
  'image-registry.openshift-image-registry.svc:5000',
  'docker-registry.default.svc:5000',
];
const DEFAULTS = [
  REGISTRY_4,
  'image-registry.openshift-image-registry.svc.cluster.local:5000',
  REGISTRY_3,
  'docker-registry.default.svc.cluster.local:5000',
];

const route = (namespace: string, to: object, host: unknown, group = 'route.openshift.io'): AddressObject => ({
  ...{ kind: 'Route', group, namespace, name: 'any' },
  object: { spec: { host, to } },
});
const config = (kind: string, group: string, object: object): AddressObject => ({
  ...{ kind, group, namespace: '', name: 'cluster', object: { ...object } },
});
const stream = (status: object): AddressObject => ({
  ...{ kind: 'ImageStream', group: 'image.openshift.io', namespace: 'shop', name: 'app', object: { status } },
});
const tagged = (...references: unknown[]) =>
  stream({ tags: [{ items: references.map((dockerImageReference) => ({ dockerImageReference })) }] });

describe('addressesIn', () => {
  test.each<[string, AddressObject[], { internal?: string[]; routes?: string[] }]>([
    ['nothing', [], {}],
    [
      'the Route of OpenShift 4, whatever its name',
      [route('openshift-image-registry', { kind: 'Service', name: 'image-registry' }, 'R.apps.example.com')],
      { routes: ['r.apps.example.com'] },
    ],
    [
      'the Route of OpenShift 3, in its first API',
      [route('default', { name: 'docker-registry' }, 'docker.apps.example.com', '')],
      { routes: ['docker.apps.example.com'] },
    ],
    [
      'a Route whose host the router chose',
      [
        {
          ...route('default', { name: 'docker-registry' }, ''),
          object: { spec: { to: { name: 'docker-registry' } }, status: { ingress: [{ host: 'r.example.com' }] } },
        },
      ],
      { routes: ['r.example.com'] },
    ],
    [
      'Routes of other Services and namespaces',
      [
        route('shop', { kind: 'Service', name: 'image-registry' }, 'a.example.com'),
        route('default', { kind: 'Service', name: 'image-registry' }, 'b.example.com'),
        route('openshift-image-registry', { kind: 'Service', name: 'console' }, 'c.example.com'),
      ],
      {},
    ],
    [
      'the Image configuration, but no Image',
      [
        config('Image', 'config.openshift.io', {
          spec: { externalRegistryHostnames: ['r.example.com'] },
          status: { internalRegistryHostname: 'registry.internal:5000', externalRegistryHostnames: ['r.example.com'] },
        }),
        config('Image', 'image.openshift.io', { status: { internalRegistryHostname: 'x' } }),
      ],
      { internal: ['registry.internal:5000', ...DEFAULTS], routes: ['r.example.com'] },
    ],
    [
      'routes of the image registry operator',
      [
        config('Config', 'imageregistry.operator.openshift.io', {
          spec: { routes: [{ hostname: 'r.example.com' }, null] },
        }),
      ],
      { routes: ['r.example.com'] },
    ],
    [
      'image streams, whose address comes first',
      [
        stream({
          dockerImageRepository: `${REGISTRY_3}/shop/app`,
          publicDockerImageRepository: 'r.example.com/shop/app',
        }),
      ],
      {
        internal: [REGISTRY_3, DEFAULTS[0] as string, DEFAULTS[1] as string, DEFAULTS[3] as string],
        routes: ['r.example.com'],
      },
    ],
    [
      'no repository that a cluster without a registry imports',
      [stream({ dockerImageRepository: 'quay.io/a/app' })],
      {},
    ],
    [
      'IP addresses under which an image stream was pushed, not those of other registries',
      [
        tagged(
          '172.30.4.5:5000/shop/app@sha256:1',
          '10.0.0.9:5000/other/app@sha256:2',
          '8.8.8.8:5000/shop/app@sha256:1',
          7,
        ),
      ],
      { internal: [...DEFAULTS, '172.30.4.5:5000'] },
    ],
    [
      'the Service',
      [
        {
          ...{ kind: 'Service', group: '', namespace: 'default', name: 'docker-registry' },
          object: { spec: { clusterIP: '172.30.1.1', clusterIPs: ['172.30.1.1', 'fd00::1'] } },
        },
      ],
      { internal: [...DEFAULTS, '172.30.1.1:5000'] },
    ],
  ])('reads %s', (_, objects, { internal = DEFAULTS, routes = [] }) => {
    const [first] = routes;
    expect(addressesIn(objects)).toEqual({ internal, routes, ...(first !== undefined && { route: first }) });
  });

  const two = [
    route('openshift-image-registry', { name: 'image-registry' }, 'a.example.com'),
    route('openshift-image-registry', { name: 'image-registry' }, 'b.example.com'),
  ];

  test('refuses to choose between two routes', () => {
    expect(() => addressesIn(two)).toThrow(
      expect.objectContaining({
        code: 'config',
        message: expect.stringMatching(/a\.example\.com.*b\.example\.com/),
        hint: expect.stringContaining('--registry-route'),
      }),
    );
  });

  test('takes what is given, and knows the others as aliases', () => {
    const given = [parseRegistryRoute('Registry.local:5000=b.example.com')];
    expect(addressesIn(two, given)).toEqual({
      internal: ['registry.local:5000', ...DEFAULTS],
      route: 'b.example.com',
      routes: ['b.example.com', 'a.example.com'],
    });
    const other = [...given, parseRegistryRoute('x=c.example.com')];
    expect(() => addressesIn([], other)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test.each([
    [route('default', { name: 'docker-registry' }, 'evil.example.com/path')],
    [route('default', { name: 'docker-registry' }, { a: 1 })],
    [stream({ dockerImageRepository: 'user@host/shop/app' })],
    [stream({ dockerImageRepository: 5 })],
  ])('refuses a host that is none: %j', (object) => {
    expect(() => addressesIn([object])).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(object.kind) }),
    );
  });
});

test.each(['', 'a', 'a=', '=b', 'a=b=c', 'a/b=c', 'a=https://b', 'a=b c'])('%s is no registry route', (text) => {
  expect(() => parseRegistryRoute(text)).toThrow(expect.objectContaining({ code: 'usage' }));
});
