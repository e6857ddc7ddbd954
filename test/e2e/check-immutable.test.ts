import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDocument, checkedImage } from '../support/check-document.ts';
import { airgap, airgapOk } from '../support/cli.ts';
import { ecrEnvironment } from '../support/ecr/access.ts';
import { startEcr } from '../support/ecr.ts';
import { expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startProxyTo } from '../support/proxy.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const image = 'quay.io/team/web:1';

test('a delta for a registry with immutable tags sends incomplete images again, and loses nothing of other tags', async () => {
  const home = scratchFolder();
  const [first, delta, list] = ['first.tar', 'delta.tar', 'missing.json'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  const upstream = await startRegistry();
  const ecr = await startEcr();
  const proxy = await startProxyTo(ecr.host);
  try {
    const env = ecrEnvironment(ecr.endpoint, proxy);
    const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    await pushImage(upstream.host, 'quay.io/team/web', '1');
    await airgapOk(['bundle', '--image', image, ...mirror, '--platform', 'linux/amd64', '--out', first], home);
    const ecrFlags = [
      '--to',
      `${host}/m`,
      '--plain-http',
      host,
      '--plain-http',
      ecr.storage,
      '--immutable',
      '-o',
      'json',
    ];
    const push = (file: string, ...flags: string[]): ReturnType<typeof airgap> =>
      airgap(['push', file, ...ecrFlags, ...flags], home, { env });
    const [{ digest }] = JSON.parse((await push(first)).stdout).images;
    const tagged = (): string | undefined => ecr.repositories.get('m/quay.io/team/web')?.tags.get('1');
    const mend = async (status: string, more: object, ...flags: string[]): ReturnType<typeof airgap> => {
      const at = { platformsAtTarget: ['linux/amd64'], digestAtTarget: digest, ...more };
      writeFileSync(list, checkDocument([checkedImage(image, status, at)]));
      await airgapOk(['bundle', '--only-missing', list, ...mirror, '--out', delta, '--force'], home);
      return push(delta, ...flags);
    };

    const whole = await mend('incomplete', {});
    expect(whole.code, whole.stderr).toBe(0);
    expect(JSON.parse(whole.stdout).images).toMatchObject([{ digest, status: 'pushed' }]);

    const refused = await mend('wrong-platform', { platforms: ['linux/arm64'] }, '--on-existing-tag', 'overwrite');
    expect(refused.code).toBe(1);
    expectLine(refused.stderr, /^Error: .*immutable/, image);
    expect(tagged()).toBe(digest);
    // The tag is deleted, as docs/check.md says.
    ecr.repositories.get('m/quay.io/team/web')?.tags.delete('1');
    expect(await push(delta)).toMatchObject({ code: 0 });
    expect(tagged()).not.toBe(digest);
  } finally {
    proxy.stop();
    await Promise.all([ecr.stop(), upstream.stop()]);
  }
});
