import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePullSecret } from '../../../src/kubernetes/pull-secret.ts';
import { pullSecretManifest } from '../../../src/kubernetes/pull-secret-manifest.ts';
import { KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';

const SECRET = { name: 'regcred', registry: 'r.example:5000', username: 'robot', password: 'yes: "ü" #1\\' };

describe('the manifest of a pull secret', () => {
  it('is read with the login for this registry, and no other', async () => {
    const text = pullSecretManifest({ ...SECRET, namespace: 'apps' }, ['ends soon', 'a\u2028b']);
    const { name, namespace, keychain } = parsePullSecret(text, 'here');
    expect([name, namespace]).toEqual(['regcred', 'apps']);
    const { username, password } = SECRET;
    expect(await keychain.lookup('r.example:5000', 'team/app')).toMatchObject({ username, password });
    expect(await keychain.lookup('r.example', 'team/app')).toBeUndefined();
    expect(text.split('\n').filter((line) => line.startsWith('#'))).toHaveLength(2);
    expect(text).not.toContain('geheim');
  });

  it('has the login of Docker Hub where the kubelet looks for it', async () => {
    const { keychain } = parsePullSecret(pullSecretManifest({ ...SECRET, registry: 'docker.io' }), 'here');
    expect(await keychain.lookup('docker.io', 'library/nginx')).toMatchObject({ username: 'robot' });
  });
});

describe('kubectl', () => {
  beforeEach((context) => context.skip(WITHOUT_KUBECTL !== undefined, WITHOUT_KUBECTL));
  const kubectl = (...args: string[]): string =>
    execFileSync(KUBECTL as string, args, { encoding: 'utf8', env: { HOME: scratchFolder() } });

  it('makes the same Secret', () => {
    const { name, registry, username, password } = SECRET;
    const login = [`--docker-server=${registry}`, `--docker-username=${username}`, `--docker-password=${password}`];
    const made = kubectl('create', 'secret', 'docker-registry', name, ...login, '--dry-run=client', '-o', 'json');
    const content = (secret: { data: Record<string, string> }): object => {
      const config = JSON.parse(Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString());
      return { ...secret, data: config };
    };
    const { metadata, ...theirs } = content(JSON.parse(made)) as { metadata: { name: string } };
    const ours = content(parse(pullSecretManifest(SECRET)));
    expect(ours).toEqual({ ...theirs, metadata: { name: metadata.name } });
  });

  it('reads it', () => {
    const file = join(scratchFolder(), 'secret.yaml');
    writeFileSync(file, pullSecretManifest({ ...SECRET, namespace: 'apps' }, ['ends soon']));
    const read = kubectl('annotate', '--local', '-f', file, 'a=b', '-o', 'json');
    expect(JSON.parse(read)).toMatchObject({
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'regcred', namespace: 'apps' },
    });
  });
});
