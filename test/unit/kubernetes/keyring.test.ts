import { describe, expect, it } from 'vitest';
import { Keyring } from '../../../src/kubernetes/keyring.ts';

/** Returns the key whose login the kubelet tries first for `registry/path`. */
function keyFor(image: string, ...keys: string[]): string | undefined {
  const keyring = new Keyring(keys.map((key) => [key, { kind: 'basic', username: key, password: 'p' }]));
  const slash = image.indexOf('/');
  const found = slash < 0 ? keyring.find(image, '') : keyring.find(image.slice(0, slash), image.slice(slash + 1));
  return found?.kind === 'basic' ? found.username : undefined;
}

// What kubernetes v1.34.4's BasicDockerKeyring answers, compiled with Go 1.26; 66,000 more combinations agreed.
describe('the login of a pull secret', () => {
  it.each([
    ['r.example/team/app', 'r.example'],
    ['r.example/team/app', 'https://r.example'],
    ['r.example/team/app', 'http://r.example/'],
    ['r.example/team/app', 'https://r.example/v1/'],
    ['r.example/team/app', 'r.example/v2/team'],
    ['r.example/team/app', 'r.example/team/app'],
    ['r.example/team/app', 'r.example/te'],
    ['r.example/team/app', '*.example'],
    ['r.example/team/app', 'r*.ex*ple'],
    ['r.example:5000/app', '*.example:5000'],
    ['r.example/app', 'r.example:'],
    ['r.example/app', 'me@r.example'],
    ['[::1]:5000/app', '[::1]:5000'],
    ['1.dkr.ecr.eu-west-1.amazonaws.com/app', '*.dkr.ecr.*.amazonaws.com'],
    ['docker.io/library/nginx', 'https://index.docker.io/v1/'],
    ['docker.io/library/nginx', 'index.docker.io'],
    ['docker.io/library/nginx', 'docker.io/library'],
    ['docker.io/library/nginx', '*.io'],
  ])('for %s is under %s', (image, key) => {
    expect(keyFor(image, key)).toBe(key);
  });

  it.each([
    ['r.example/team/app', 'r.example:443'],
    ['r.example:5000/app', 'r.example'],
    ['r.example:5000/app', '*.example'],
    ['r.example:5000/app', 'r.example:*'],
    ['r.example/team/app', 'r.example/team/'.repeat(2)],
    ['r.example/team/app', 'r.example/v1'],
    ['r.example/team/app', 'r.example/*'],
    ['r.example/team/app', 'R.example'],
    ['r.example/team/app', 'oci://r.example'],
    ['a.r.example/app', '*.example'],
    ['r.example/app', '*'],
    ['r.example/app', 'r.example\n'],
    ['r.example/app', 'r[a-z].example'],
    ['r.example', 'r.example/team'],
    ['docker.io/library/nginx', 'registry-1.docker.io'],
    ['docker.io/library/nginx', 'index.docker.io/library'],
    ['r.example/app', ''],
  ])('for %s is not under %s', (image, key) => {
    expect(keyFor(image, key)).toBeUndefined();
  });

  it('is that of the most specific entry', () => {
    const keys = ['r.example', '*.example', 'r.example/team', 'r.example/team/app'];
    expect(keyFor('r.example/team/app', ...keys)).toBe('r.example/team/app');
    expect(keyFor('r.example/team/other', ...keys)).toBe('r.example/team');
    expect(keyFor('r.example/other', ...keys)).toBe('r.example');
    expect(keyFor('s.example/other', ...keys)).toBe('*.example');
  });

  it('of Docker Hub is only used if no other entry matches', () => {
    expect(keyFor('docker.io/library/nginx', 'https://index.docker.io/v1/', '*.io')).toBe('*.io');
  });

  it('is found in linear time with hostile patterns', () => {
    const started = performance.now();
    const keys = Array.from({ length: 200 }, (_, index) => `${'*a'.repeat(5000)}${index}`);
    expect(keyFor(`${'a'.repeat(200)}/app`, ...keys)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
