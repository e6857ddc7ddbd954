import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { ecrEnvironment } from '../support/ecr/access.ts';
import { startEcr } from '../support/ecr.ts';
import { startProxyTo } from '../support/proxy.ts';
import { scratchFolder } from '../support/scratch.ts';

const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

test('into private ECR: repositories are created, tokens fetched, and everything can be pulled by its private name', async () => {
  const home = scratchFolder();
  const file = join(home, 'shop.tar');
  const chart = fixtureChart('shop');
  const upstream = await startUpstreamOf(chart, home);
  const { references, digests } = upstream;
  await airgapOk(['bundle', chart, ...upstream.mirror, '--out', file], home);
  await upstream.stop();

  const ecr = await startEcr();
  const proxy = await startProxyTo(ecr.host);
  try {
    const env = ecrEnvironment(ecr.endpoint, proxy);
    const args = [
      'push',
      file,
      '--to',
      `${host}/mirrored`,
      '--plain-http',
      host,
      '--plain-http',
      ecr.storage,
      '-o',
      'json',
    ];
    const first = await airgapOk(args, home, { env });
    const pushed = JSON.parse(first.stdout);
    const repositories = references.map(
      (reference) => `mirrored/${reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '')}`,
    );
    expect([...ecr.repositories.keys()].sort()).toEqual([...new Set([...repositories, 'mirrored/charts/shop'])].sort());
    expect([...pushed.created].sort()).toEqual([...ecr.repositories.keys()].sort());
    for (const { target, digest } of pushed.images) {
      expect([...digests.values()], target).toContain(digest);
      const [, path, tag] = /^[^/]+\/(.+):([^:]+)$/.exec(target) ?? [];
      const answer = await fetch(`${ecr.endpoint}/v2/${path}/manifests/${tag}`, {
        headers: { authorization: ecr.authorization() },
      });
      expect(answer.headers.get('docker-content-digest'), target).toBe(digest);
    }
    expect(new Set(proxy.requestedHosts)).toEqual(new Set([host]));
    expect(ecr.requests.filter(({ request: what }) => what === 'GetAuthorizationToken')).toHaveLength(1);
    expect(ecr.requests.filter(({ request: what }) => what.startsWith('PATCH'))).toEqual([]);

    // Pushing again sends nothing.
    const before = ecr.requests.length;
    const second = JSON.parse((await airgapOk(args, home, { env })).stdout);
    expect(second.bytes).toBe(0);
    expect(ecr.requests.slice(before).filter(({ request: what }) => /^(?:PUT|POST)/.test(what))).toEqual([]);

    const values = await airgapOk(['values', 'shop', '--bundle', file, '--to', `${host}/mirrored`], home);
    writeFileSync(join(home, 'overrides.yaml'), values.stdout);
    const rendered = await program(
      helmUnderTest(),
      ['template', 'rel', chart, '-f', join(home, 'overrides.yaml')],
      home,
    );
    for (const line of rendered.split('\n').filter((text) => /^\s*(?:- )?image:/.test(text)))
      expect(line).toContain(`${host}/mirrored/`);
    expect(first.stderr + values.stderr).not.toContain('wJalrXUtnFEMI');
  } finally {
    proxy.stop();
    await ecr.stop();
  }
});
