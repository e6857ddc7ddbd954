import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { redact } from '../../../src/base/redact.ts';
import { clusterKeychain } from '../../../src/openshift/cluster-login.ts';
import { fakeKubectl } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';

const HOST = 'registry.example';
const view = (user: object) => ({ stdout: JSON.stringify({ kind: 'Config', users: [{ name: 'a', user }] }) });

/** Creates a keychain of a kubeconfig with this user, beside a file `token`. */
function keychain(user: object, oc?: Parameters<typeof fakeKubectl>[0]) {
  const cwd = scratchFolder();
  writeFileSync(join(cwd, 'token'), 'sha256~from-a-file\n');
  const kubectl = fakeKubectl(view(user));
  const program = oc === undefined ? undefined : fakeKubectl(oc, {}, 'oc');
  const events: AirgapEvent[] = [];
  const env = { ...kubectl.env, PATH: `${program?.env.PATH?.split(':')[0] ?? ''}:${kubectl.env.PATH}` };
  const context = { env, cwd, emit: (event: AirgapEvent) => void events.push(event) };
  const cluster = { kubeconfig: 'config', context: 'old' };
  return { keychain: clusterKeychain(context, cluster, HOST, '--source-kubeconfig'), kubectl, oc: program, events };
}

describe('clusterKeychain', () => {
  test('logs in to the route of the cluster, and to no other host', async () => {
    const { keychain: one, kubectl } = keychain({ token: 'sha256~of-the-user' });
    for (const host of ['other.example', `${HOST}.example`, `${HOST}:5000`, 'docker.io'])
      expect(await one.lookup(host)).toBeUndefined();
    expect(kubectl.calls()).toEqual([]);
    expect(await one.lookup(HOST)).toMatchObject({ kind: 'basic', password: 'sha256~of-the-user' });
    await one.lookup(`${HOST}:443`);
    expect(kubectl.calls()).toHaveLength(1);
    expect(kubectl.calls()[0]).toEqual(expect.arrayContaining(['config', 'view', '--minify', '--context=old']));
    expect(redact('sha256~of-the-user')).not.toContain('of-the-user');
  });

  test.each([
    ['the file of a token', { tokenFile: 'token', token: 'sha256~old' }, undefined, 'sha256~from-a-file'],
    ['oc for an exec plugin', { exec: { command: 'x' } }, { stdout: 'sha256~of-oc\n' }, 'sha256~of-oc'],
  ])('uses %s', async (_, user, oc, password) => {
    const { keychain: one, oc: program } = keychain(user, oc);
    expect(await one.lookup(HOST)).toMatchObject({ password });
    if (program !== undefined) expect(program.calls()).toEqual([['--context=old', 'whoami', '--show-token']]);
  });

  test.each([
    ['a client certificate', { 'client-certificate-data': 'eA==' }],
    ['an exec plugin without oc', { exec: { command: 'x' } }],
    ['nothing', {}],
  ])('warns of a kubeconfig with %s', async (_, user) => {
    const { keychain: one, events } = keychain(user, { code: 1 });
    expect(await one.lookup(HOST)).toBeUndefined();
    expect(await one.lookup(HOST)).toBeUndefined();
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining(HOST) }]);
  });

  test.each([
    [{ tokenFile: 'none' }, 'none'],
    [{ token: 'two words' }, 'token'],
  ])('refuses %j without quoting it', async (user, text) => {
    const failure = { code: 'config', message: expect.stringMatching(new RegExp(`^(?!.*two words).*${text}`)) };
    await expect(keychain(user).keychain.lookup(HOST)).rejects.toMatchObject(failure);
  });
});
