import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from '../certificate.ts';

/** An object of Kubernetes. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** An API server that keeps objects: enough for `kubectl get`, `create` and `apply`. It requires a token. */
export interface ObjectServer {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Objects given at the start, and those that clients have created, in their order. */
  readonly objects: ApiObject[];
  /** A kubeconfig with its address and token. */
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/** Kinds by group and version; names of resources are in the plural. */
const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: { secrets: 'Secret', configmaps: 'ConfigMap', persistentvolumeclaims: 'PersistentVolumeClaim', pods: 'Pod' },
  'apps/v1': { deployments: 'Deployment', statefulsets: 'StatefulSet' },
  'batch/v1': { cronjobs: 'CronJob', jobs: 'Job' },
  'apps.openshift.io/v1': { deploymentconfigs: 'DeploymentConfig' },
  'build.openshift.io/v1': { buildconfigs: 'BuildConfig', builds: 'Build' },
  'image.openshift.io/v1': { imagestreams: 'ImageStream', imagestreamtags: 'ImageStreamTag' },
  'route.openshift.io/v1': { routes: 'Route' },
  'config.openshift.io/v1': { images: 'Image' },
  'user.openshift.io/v1': { users: 'User' },
  'tekton.dev/v1': { tasks: 'Task', pipelines: 'Pipeline', pipelineruns: 'PipelineRun' },
};
const CLUSTER_KINDS = ['Image', 'User'];

/** @param token bearer token of its only user */
export async function startObjectServer(token: string, given: readonly ApiObject[] = []): Promise<ObjectServer> {
  const objects = [...given];
  // kubectl sends tokens over TLS only.
  const certificate = selfSigned('127.0.0.1');
  const server = createServer(certificate, async (request, response) => {
    const chunks = await request.toArray();
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${token}`) return send(401, failure(401, 'Unauthorized'));
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const described = description(pathname);
    if (described !== undefined) return send(200, described);
    const [status, body] = answer(objects, request, pathname, Buffer.concat(chunks));
    return send(status, body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const authority = Buffer.from(certificate.cert).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  // A kubeconfig is YAML, and JSON is YAML.
  return { url, objects, kubeconfig: JSON.stringify(kubeconfig), stop };
}

/** Answers of discovery and of OpenAPI, by which kubectl knows that the server validates fields. */
function description(path: string): object | undefined {
  const versions = Object.keys(KINDS).filter((version) => version.includes('/'));
  if (path === '/version') return { major: '1', minor: '34', gitVersion: 'v1.34.0' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const groups = versions.map((groupVersion) => {
      const [name, version] = groupVersion.split('/');
      return { name, versions: [{ groupVersion, version }] };
    });
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  if (path === '/openapi/v3') {
    const paths = Object.keys(KINDS).map((version) => [
      version === 'v1' ? 'api/v1' : `apis/${version}`,
      { serverRelativeURL: `/openapi/v3/${version}` },
    ]);
    return { paths: Object.fromEntries(paths) };
  }
  const [, openapi] = /^\/openapi\/v3\/(.+)$/.exec(path) ?? [];
  if (openapi !== undefined) return openApiOf(openapi);
  const groupVersion = path.replace(/^\/apis?\//, '');
  const kinds = KINDS[groupVersion];
  if (kinds === undefined) return undefined;
  const verbs = ['get', 'list', 'create', 'patch'];
  const resources = Object.entries(kinds).map(([name, kind]) => ({
    ...{ name, kind, verbs, singularName: kind.toLowerCase(), namespaced: !CLUSTER_KINDS.includes(kind) },
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function openApiOf(groupVersion: string): object {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  const paths = Object.entries(KINDS[groupVersion] ?? {}).map(([name, kind]) => [
    `/${name}/{name}`,
    {
      patch: {
        parameters: [{ name: 'fieldValidation', in: 'query' }],
        'x-kubernetes-group-version-kind': { group, version, kind },
      },
    },
  ]);
  return { openapi: '3.0.0', paths: Object.fromEntries(paths) };
}

function answer(
  objects: ApiObject[],
  { method }: IncomingMessage,
  path: string,
  body: Buffer,
): readonly [status: number, body: object] {
  const [, groupVersion = '', namespace, resource = '', name] =
    /^\/apis?\/(v1|[^/]+\/v1)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  const kind = KINDS[groupVersion]?.[resource];
  if (kind === undefined) return [404, failure(404, 'NotFound', path)];
  const isHere = (object: ApiObject): boolean =>
    object.kind === kind &&
    object.apiVersion === groupVersion &&
    (namespace === undefined || object.metadata.namespace === namespace);
  if (method === 'GET' && name === undefined) {
    return [200, { kind: `${kind}List`, apiVersion: groupVersion, metadata: {}, items: objects.filter(isHere) }];
  }
  if (method === 'GET') {
    const found = objects.find((object) => isHere(object) && object.metadata.name === name);
    return found === undefined ? [404, failure(404, 'NotFound', `${resource} "${name}" not found`)] : [200, found];
  }
  if (method !== 'POST') return [405, failure(405, 'MethodNotAllowed')];
  const sent = body.subarray(0, 4).equals(PROTOBUF) ? secretFrom(body) : (JSON.parse(body.toString()) as ApiObject);
  const { generateName } = sent.metadata;
  const created = {
    ...sent,
    metadata: { ...sent.metadata, namespace, name: sent.metadata.name ?? `${generateName}${objects.length}` },
  };
  objects.push(created);
  return [201, created];
}

/** First bytes of an object in protobuf, in which kubectl sends the kinds that it knows. */
const PROTOBUF = Buffer.from('k8s\0');

/** Reads a Secret or ConfigMap: runtime.Unknown of apimachinery, then the fields `metadata` and `data` of core/v1. */
function secretFrom(body: Buffer): ApiObject {
  const unknown = fieldsOf(body.subarray(4));
  const type = fieldsOf(unknown.get(1)?.[0]);
  const object = fieldsOf(unknown.get(2)?.[0]);
  const kind = textOf(type, 2);
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const data = (object.get(2) ?? []).map((entry) => {
    const pair = fieldsOf(entry);
    return [textOf(pair, 1), pair.get(2)?.[0]?.toString(encoding)];
  });
  const metadata = { name: textOf(fieldsOf(object.get(1)?.[0]), 1) };
  return { apiVersion: textOf(type, 1), kind, metadata, data: Object.fromEntries(data) };
}

/** Fields of a message of protobuf by number: those with a length only. */
function fieldsOf(bytes: Buffer = Buffer.alloc(0)): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const length = varint();
    if (key % 8 !== 2) continue;
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), bytes.subarray(at, at + length)]);
    at += length;
  }
  return fields;
}

function textOf(fields: ReadonlyMap<number, readonly Buffer[]>, field: number): string {
  return fields.get(field)?.[0]?.toString() ?? '';
}

function failure(code: number, reason: string, message = reason): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
