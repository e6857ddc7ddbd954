import { createServer, type Server } from 'node:http';

/** Returns what Helm asks a Kubernetes API server about its kinds: answers by path. */
export function discoveryAnswers(): Readonly<Record<string, object>> {
  const list = (groupVersion: string, kinds: Readonly<Record<string, string>>) => {
    const resources = Object.entries(kinds).map(([name, kind]) => ({ name, kind, namespaced: true, verbs: ['get'] }));
    return { kind: 'APIResourceList', groupVersion, resources };
  };
  const group = (name: string) => ({ name, versions: [{ groupVersion: `${name}/v1`, version: 'v1' }] });
  return {
    '/version': { major: '1', minor: '33', gitVersion: 'v1.33.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [group('apps'), group('batch')] },
    '/api/v1': list('v1', { pods: 'Pod', configmaps: 'ConfigMap', secrets: 'Secret', services: 'Service' }),
    '/apis/apps/v1': list('apps/v1', { deployments: 'Deployment', statefulsets: 'StatefulSet' }),
    '/apis/batch/v1': list('batch/v1', { jobs: 'Job' }),
  };
}

/** Starts a server with the endpoints of Kubernetes that `helm install --dry-run=client` asks before it prints the manifests. */
export async function startApiServer(): Promise<Server> {
  const answers = discoveryAnswers();
  const server = createServer((request, response) => {
    const answer = answers[request.url?.replace(/\?.*/, '') ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', reason: 'NotFound', code: 404 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
