import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap } from '../support/cli.ts';
import { pushSiteImages, writeSiteChart } from '../support/public-ecr-charts.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

const home = scratchFolder();
let upstream: TestRegistry;
let publicEcr: TestRegistry;
let access: string[];
beforeAll(async () => {
  [upstream, publicEcr] = [await startRegistry(), await startRegistry()];
  await Promise.all([pushSiteImages({ upstream, publicEcr }), writeSiteChart(home)]);
  access = [
    ...['--mirror', `docker.io=${upstream.host}/hub`, '--mirror', `quay.io=${upstream.host}/quay`],
    ...['--mirror', `public.ecr.aws=${publicEcr.host}`, '--mirror', `ghcr.io=${upstream.host}/ghcr`],
    ...[upstream.host, publicEcr.host].flatMap((host) => ['--plain-http', host]),
  ];
});
afterAll(() => Promise.all([upstream.stop(), publicEcr.stop()]));
test('x', async () => {
  const r = await airgap(['public-ecr', 'site', ...access, '--write', '--bump', 'patch'], home, { cwd: home });
  console.log(r.code, r.stdout, r.stderr);
  console.log(await import('node:fs').then((fs) => fs.readdirSync(home)));
  const r2 = await airgap(['public-ecr', 'site', ...access, '--write', '--dry-run'], home, { cwd: home });
  console.log(r2.code, r2.stdout, r2.stderr);
  expect(join('a')).toBe('a');
});
