import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { startUpstreamOf } from '../support/chart-upstream.ts';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { ecrEnvironment } from '../support/ecr/access.ts';
import { expectLine } from '../support/facts.ts';
import { startProxyTo } from '../support/proxy.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startMinistack } from '../support/second-opinions.ts';

/** A push to ministack: both planes of ECR under the name of a real one. */

const ACCOUNT = '123456789012';
const host = `${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com`;

it('a bundle is pushed, read back, checked by its receipt, and pushed again without sending a byte', async () => {
  const home = scratchFolder();
  const [file, receipt] = [join(home, 'shop.tar'), join(home, 'receipt.json')];
  const chart = fixtureChart('shop');
  const upstream = await startUpstreamOf(chart, home);
  await airgapOk(['bundle', chart, ...upstream.mirror, '--out', file], home);
  await upstream.stop();

  const ministack = await startMinistack(ACCOUNT);
  const proxy = await startProxyTo(ministack.host);
  try {
    const env = ecrEnvironment(ministack.url, proxy);
    const push = (...more: string[]) =>
      airgap(['push', file, '--to', `${host}/mirrored`, '--plain-http', host, '-o', 'json', ...more], home, { env });

    // ministack 1.5.33 knows no creation templates: it answers 400, InvalidAction, and the push goes on with a warning.
    const refused = await push('--create-repositories=never');
    expect(refused.stderr).toContain('InvalidAction: Unknown action: DescribeRepositoryCreationTemplates');
    expect(refused.code).toBe(1);
    expectLine(refused.stderr, 'mirrored/charts/shop');

    const first = await push('--immutable', '--receipt', receipt);
    expect(first.code, first.stderr).toBe(0);
    const { created, images, charts } = JSON.parse(first.stdout);
    expect(created).toContain('mirrored/charts/shop');
    expect(images.length).toBeGreaterThan(5);
    for (const { target, digest } of [...images, ...charts]) {
      const [, path, tag] = /^[^/]+\/(.+):([^:]+)$/.exec(target) ?? [];
      expect(await digestAt(ministack.host, `/v2/${path}/manifests/${tag}`), target).toBe(digest);
    }
    const again = await push('--immutable');
    expect(JSON.parse(again.stdout), again.stderr).toMatchObject({ bytes: 0, created: [] });
    const verified = await airgap(['verify', '--receipt', receipt, '--plain-http', host], home, { env });
    expect(verified.code, verified.stderr).toBe(0);
  } finally {
    proxy.stop();
    await ministack.stop();
  }
});

/** The digest that the registry itself reports, asked for under ECR's name. */
async function digestAt(address: string, path: string): Promise<unknown> {
  const [hostname, port] = address.split(':');
  const outgoing = request({ hostname, port, path, method: 'GET', headers: { host, accept: '*/*' } });
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject).end();
  });
  await text(answer);
  return answer.headers['docker-content-digest'];
}
