import { describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../../../src/kubernetes/kubectl.ts';
import { kubectl } from '../../../src/kubernetes/kubectl.ts';
import { fakeKubectl } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';

const cwd = scratchFolder();
const run = (
  env: Record<string, string | undefined>,
  access: ClusterAccess = {},
  signal?: AbortSignal,
): Promise<string> =>
  kubectl({ env, cwd, ...(signal && { signal }) }, access, ['get', 'pods'], {
    what: 'the Pods',
    instead: 'give --pods FILE',
  });

describe('kubectl', () => {
  it('runs with the context as one word, and returns its output', async () => {
    const { env, calls } = fakeKubectl({ stdout: '{}\n', stderr: 'Warning: x\n' });
    expect(await run(env, { context: '-v=9 b' })).toBe('{}\n');
    expect(calls()).toEqual([['--context=-v=9 b', '--request-timeout=15s', 'get', 'pods']]);
  });

  it('asks the cluster of helm --kube-context unless another one is given', async () => {
    const { env, calls } = fakeKubectl({});
    await run({ ...env, HELM_KUBECONTEXT: 'prod' });
    await run({ ...env, HELM_KUBECONTEXT: 'prod' }, { context: 'test' });
    await run({ ...env, HELM_KUBECONTEXT: '' });
    expect(calls().map(([first]) => first)).toEqual(['--context=prod', '--context=test', '--request-timeout=15s']);
  });

  it('has the environment of the user, for exec plugins, without logins of registries', async () => {
    const { env, variables } = fakeKubectl({});
    await run({ ...env, AWS_PROFILE: 'p', KUBECONFIG: '/k', AIRGAP_AUTH_A_PASSWORD: 'x', DOCKER_AUTH_CONFIG: 'x' });
    expect(variables()).toEqual(expect.arrayContaining(['AWS_PROFILE=p', 'KUBECONFIG=/k']));
    expect(variables().join('\n')).not.toMatch(/AIRGAP_|DOCKER_AUTH/);
  });

  it.each<[string, string]>([
    ['Error from server (Forbidden): pods is forbidden: User "me" cannot list resource "pods"', 'right'],
    ['Error from server (NotFound): secrets "x" not found', 'namespace'],
    ['error: You must be logged in to the server (Unauthorized)', 'log in'],
    ['Unable to connect to the server: getting credentials: exec: exec plugin: x', 'log in'],
    ['Unable to connect to the server: getting credentials: exec: executable aws not found', 'install'],
    ['Error in configuration: context was not found for specified context: x', 'get-contexts'],
    ['error: stat /nope: no such file or directory', 'path'],
    ['The connection to the server localhost:8080 was refused', '--context'],
    ['error: context "x" does not exist', 'get-contexts'],
    ['Unable to connect to the server: tls: failed to verify certificate: x509: unknown authority', 'kubeconfig'],
    ['The connection to the server 192.0.2.10:6443 was refused - did you specify the right host or port?', 'reached'],
  ])('explains %s', async (sentence, remedy) => {
    const log = 'E1123 02:33:16.123456     345 memcache.go:265] "Unhandled Error" err="couldn\'t get"\n';
    const { env } = fakeKubectl({ stderr: `${log}${log}${sentence}\n`, code: 1 });
    await expect(run(env)).rejects.toMatchObject({
      code: 'cluster',
      exitCode: 1,
      message: expect.stringContaining(sentence.replace('error: ', '')),
      hint: expect.stringMatching(new RegExp(`${remedy}.*, or give --pods FILE`)),
    });
  });

  it('shows no escapes of its output and no tokens', async () => {
    const { env } = fakeKubectl({ stderr: 'error: \u001b[2J Authorization: Bearer abcdEFGH1234 \u202e\n', code: 1 });
    const error = await run(env).catch((caught: unknown) => caught as Error);
    for (const hidden of ['\u001b', 'abcdEFGH1234', '\u202e']) expect(String(error)).not.toContain(hidden);
  });

  it('says that it is not installed', async () => {
    await expect(run({ PATH: '/nowhere' })).rejects.toMatchObject({
      code: 'cluster',
      hint: expect.stringContaining('install'),
    });
  });

  it('ends with an interrupt', async () => {
    const { env } = fakeKubectl({});
    await expect(run(env, {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' });
  });
});
