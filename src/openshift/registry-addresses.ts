import { AirgapError } from '../base/errors.ts';
import { asMapping, isMapping, type Mapping } from '../base/mapping.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import type { ExportedObject } from './exported-objects.ts';

/** Addresses of the internal registry of one cluster, each `host[:port]` in lower case. */
export interface RegistryAddresses {
  /**
   * Addresses inside the cluster. The first is the one that the cluster writes into references; the others are its other
   * names, those of OpenShift 3 and IP addresses of its Service included.
   */
  readonly internal: readonly string[];
  /** Host under which the registry can be reached from outside; absent if none is known. */
  readonly route?: string;
  /** All public hosts, `route` included. */
  readonly routes: readonly string[];
}

/** Value of `--registry-route INTERNAL=PUBLIC`. */
export interface RegistryRoute {
  readonly internal: string;
  readonly route: string;
}

/** An object that may name an address, from an export or from the cluster. */
export type AddressObject = Pick<ExportedObject, 'kind' | 'group' | 'namespace' | 'name' | 'object'>;

/** Kinds of the objects that {@link addressesIn} reads. */
export const ADDRESS_KINDS: ReadonlySet<string> = new Set(['Route', 'Image', 'Config', 'Service', 'ImageStream']);

/** Port of the registry, which the platform fixes, and the Services of OpenShift 4 and OpenShift 3. */
const [PORT, REGISTRY_4, REGISTRY_3] = [
  5000,
  { namespace: 'openshift-image-registry', service: 'image-registry' },
  { namespace: 'default', service: 'docker-registry' },
] as const;

const SERVICES = [REGISTRY_4, REGISTRY_3] as const;

/** Names that a cluster has for its registry if nothing else is known. The Service answers under both of its DNS names. */
const DEFAULT_NAMES: readonly string[] = SERVICES.flatMap(({ namespace, service }) =>
  ['svc', 'svc.cluster.local'].map((domain) => `${service}.${namespace}.${domain}:${PORT}`),
);

/**
 * Reads a value of `--registry-route`.
 * @throws AirgapError `usage`
 */
export function parseRegistryRoute(text: string, flag = '--registry-route'): RegistryRoute {
  const [internal = '', route = '', ...rest] = text.split('=');
  const where = `${flag} ${quoted(text)}`;
  if (internal === '' || route === '' || rest.length > 0) {
    throw new AirgapError('usage', `${where} is not INTERNAL=PUBLIC`, {
      hint: `as in ${flag} ${DEFAULT_NAMES[0]}=default-route-openshift-image-registry.apps.example.com`,
    });
  }
  return {
    internal: checkName('registry', internal, where, 'usage').toLowerCase(),
    route: checkName('registry', route, where, 'usage').toLowerCase(),
  };
}

/**
 * Finds the addresses of a cluster's internal registry: those given, those that its objects name, and the names of the platform.
 * Routes and the Service of the registry count, the Image configuration (`config.openshift.io/v1`), the configuration of the
 * image registry operator, and the status of image streams.
 * @param given values of a flag; they win
 * @param flag that chooses between several routes, for messages
 * @throws AirgapError `config` for a host that is none, and for several public hosts of which none was given; `usage` for
 *   given routes that contradict each other
 */
export function addressesIn(
  objects: readonly AddressObject[],
  given: readonly RegistryRoute[] = [],
  flag = '--registry-route',
): RegistryAddresses {
  const found = objects.map(addressesOf);
  const internal = unique([
    ...given.map((route) => route.internal),
    // The configuration of the cluster decides what it writes into references; Services and image streams follow it.
    ...found.flatMap(({ configured }) => configured),
    ...found.flatMap(({ written }) => written),
    ...DEFAULT_NAMES,
    ...found.flatMap(({ aliases }) => aliases),
  ]);
  const givenRoutes = unique(given.map(({ route }) => route));
  const [chosen, second] = givenRoutes;
  if (second !== undefined) {
    throw new AirgapError('usage', `${flag} names two public hosts of one registry: ${chosen} and ${second}`, {
      hint: 'give one public host; other names of the registry inside the cluster may be repeated with it',
    });
  }
  const routes = unique([...givenRoutes, ...found.flatMap((one) => one.routes)]);
  const [first, other] = routes;
  if (first !== undefined && other !== undefined && chosen === undefined) {
    throw new AirgapError('config', `the internal registry has several public hosts: ${first} and ${other}`, {
      hint: `choose one: ${flag} ${internal[0]}=${first}`,
    });
  }
  return { internal, ...(first !== undefined && { route: first }), routes };
}

/** Returns the public hosts of a cluster's internal registry that its objects name. @throws AirgapError `config` */
export function publicHostsIn(objects: readonly AddressObject[]): string[] {
  return unique(objects.flatMap((object) => addressesOf(object).routes));
}

interface FoundAddresses {
  /** Internal address that the cluster is configured to write. */
  readonly configured: readonly string[];
  /** Internal addresses that image streams have. */
  readonly written: readonly string[];
  /** Other internal addresses. */
  readonly aliases: readonly string[];
  readonly routes: readonly string[];
}

const NOTHING: FoundAddresses = { configured: [], written: [], aliases: [], routes: [] };

function addressesOf(from: AddressObject): FoundAddresses {
  const { kind, group, name, object } = from;
  const [spec, status] = [asMapping(object.spec), asMapping(object.status)];
  const hosts = (...values: readonly unknown[]): string[] => values.flatMap((value) => hostOf(value, from));
  if (kind === 'Image' && group === 'config.openshift.io' && name === 'cluster') {
    const routes = [spec.externalRegistryHostnames, status.externalRegistryHostnames].filter(Array.isArray).flat();
    return { ...NOTHING, configured: hosts(status.internalRegistryHostname), routes: hosts(...routes) };
  }
  if (kind === 'ImageStream') {
    return {
      ...NOTHING,
      written: hosts(registryOf(status.dockerImageRepository, `/${from.namespace}/${name}`)),
      aliases: serviceAddresses(status, `${from.namespace}/${name}@`),
      routes: hosts(registryOf(status.publicDockerImageRepository, `/${from.namespace}/${name}`)),
    };
  }
  if (kind === 'Config' && group === 'imageregistry.operator.openshift.io' && name === 'cluster') {
    const routes = Array.isArray(spec.routes) ? spec.routes.filter(isMapping) : [];
    return { ...NOTHING, routes: hosts(...routes.map(({ hostname }) => hostname)) };
  }
  if (kind === 'Route') return { ...NOTHING, routes: isRegistryRoute(from) ? hosts(routeHost(spec, status)) : [] };
  const service = kind === 'Service' && group === '' && SERVICES.find((one) => isService(one, from));
  if (!service) return NOTHING;
  const addresses = [spec.clusterIP, spec.clusterIPs].flat().filter((ip) => typeof ip === 'string' && isIpv4(ip));
  return { ...NOTHING, aliases: addresses.map((ip) => `${String(ip)}:${PORT}`) };
}

function isService({ namespace, service }: (typeof SERVICES)[number], from: AddressObject): boolean {
  return from.namespace === namespace && from.name === service;
}

/** Reports whether a Route leads to the Service of the registry, whatever its own name is. */
function isRegistryRoute({ namespace, object }: AddressObject): boolean {
  const { kind = 'Service', name } = asMapping(asMapping(object.spec).to);
  return kind === 'Service' && SERVICES.some((one) => one.namespace === namespace && one.service === name);
}

/** A Route without `spec.host` gets one from the router. */
function routeHost(spec: Mapping, status: Mapping): unknown {
  const [ingress] = Array.isArray(status.ingress) ? status.ingress : [];
  return spec.host || asMapping(ingress).host;
}

/**
 * Returns the host of the repository of an image stream: the text before the first slash. Of a cluster without a registry, an
 * image stream has the repository that it imports (`spec.dockerImageRepository`).
 */
function registryOf(repository: unknown, path: string): unknown {
  if (typeof repository !== 'string') return repository;
  const host = repository.slice(0, Math.max(repository.indexOf('/'), 0));
  return repository === `${host}${path}` ? host : undefined;
}

/**
 * Returns IP addresses of the registry's Service under which the images of an image stream were pushed. Imported images have
 * other registries, possibly in the same network, but not the repository of the image stream.
 */
function serviceAddresses(status: Mapping, repository: string): string[] {
  const tags = Array.isArray(status.tags) ? status.tags : [];
  const items = tags.flatMap((tag) => asMapping(tag).items ?? []).map(asMapping);
  return items.flatMap(({ dockerImageReference: reference }) => {
    if (typeof reference !== 'string' || !reference.includes(`/${repository}`)) return [];
    const host = reference.slice(0, reference.indexOf('/'));
    const [ip = '', port] = host.split(':');
    return port === String(PORT) && isPrivate(ip) && reference.startsWith(`${host}/${repository}`) ? [host] : [];
  });
}

function hostOf(value: unknown, { kind, namespace, name }: AddressObject): string[] {
  if (value === undefined || value === null || value === '') return [];
  const where = `the ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
  const text = typeof value === 'string' ? value : `(${typeof value})`;
  return [checkName('registry', text, where, 'config').toLowerCase()];
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) && isName('registry', text);
}

/** Reports whether a text is an address of a private network (RFC 1918), from which clusters take those of Services. */
function isPrivate(text: string): boolean {
  return isIpv4(text) && /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(text);
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
