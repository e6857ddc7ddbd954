import { missingPrograms } from './daemon.ts';
import { DataPlane } from './ecr/data.ts';
import { listen, read, stopAll, store } from './ecr/server.ts';
import { EcrState } from './ecr/state.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

/** A registry of the demo. */
export interface DemoRegistry extends Pick<TestRegistry, 'host' | 'url' | 'stop'> {
  /** docker-registry; a stand-in otherwise, so that the demo installs nothing. */
  readonly isReal: boolean;
}

/** Starts docker-registry where it is installed, and otherwise the data plane of the stand-in for ECR, without logins. */
export async function startDemoRegistry(): Promise<DemoRegistry> {
  if (missingPrograms('docker-registry') === undefined) return { ...(await startRegistry()), isReal: true };
  const state = new EcrState();
  state.templates.push({ prefix: 'ROOT', appliedFor: ['CREATE_ON_PUSH'] });
  const storage = await listen((request) => store(state, request));
  const data = new DataPlane(state, `http://${storage.host}`, () => undefined);
  const registry = await listen(async (request, host) => {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '/', `http://${host}`);
    const contentType = headers['content-type'] ?? '';
    return data.answer({ method, url, authorization: undefined, contentType, body: await read(request) });
  });
  const stop = (): Promise<void> => stopAll(state, [registry.server, storage.server]);
  return { host: registry.host, url: `http://${registry.host}`, stop, isReal: false };
}
