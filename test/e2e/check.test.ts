import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authority } from '../support/certificate.ts';
import { writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, printed, type Run } from '../support/cli.ts';
import { expectFacts, expectLine, expectWarning } from '../support/facts.ts';
import { podList, podObject, running, waiting } from '../support/pods.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { JOB, METRICS, SITE_CHART, SITE_IMAGES, SITE_VALUES, WEB } from '../support/site-chart.ts';
import { fillUpstream } from '../support/upstream.ts';

/** Check says before the install what nodes would not get; a delta of what is missing brings it, and the check is good then. */

// bcrypt of geheim123, as htpasswd -B writes it
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';
const PASSWORD = 'geheim123';

const home = scratchFolder();
const path = (name: string): string => join(home, name);
const own = authority();
let upstream: TestRegistry;
let target: TestRegistry;
let to: string;
let variables: string;
let connected: string[];

beforeAll(async () => {
  const tls = own.issue('registry.test');
  [upstream, target] = await Promise.all([startRegistry(), startRegistry({ tls, htpasswd: HTPASSWD })]);
  [to, variables] = [`${target.host}/mirror`, `AIRGAP_AUTH_${target.host.replace(/[.:]/g, '_')}`];
  connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await writeFiles(path('shop'), SITE_CHART);
  writeFileSync(path('ca.pem'), own.ca);
  writeFileSync(path('other-ca.pem'), authority('another CA').ca);
  writeFileSync(path('site.yaml'), SITE_VALUES);
  await fillUpstream(upstream.host, SITE_IMAGES);
  await airgapOk(
    ['bundle', path('shop'), '--platform', 'linux/amd64', ...connected, '--out', path('platform.tar')],
    home,
  );
  ok(await inside(['push', path('platform.tar'), '--to', to]));
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

/** Runs a command of the isolated side, with its authority and password. */
function inside(args: readonly string[], { ca = 'ca.pem', password = PASSWORD } = {}): Promise<Run> {
  const env = { [`${variables}_USERNAME`]: 'user', [`${variables}_PASSWORD`]: password };
  return airgap([...args, '--ca-file', path(ca)], home, { env });
}

function check(...flags: string[]): Promise<Run> {
  return inside(['check', 'shop', '--bundle', path('platform.tar'), '--to', to, ...flags]);
}

function ok(run: Run): Run {
  expect(run.code, printed(run)).toBe(0);
  return run;
}

/** Writes a delta from the document of a check, and pushes it. @returns the run that wrote it */
async function mend({ code, stdout }: Run, charts: readonly string[] = [], ...pushFlags: string[]): Promise<Run> {
  expect(code, stdout).toBe(3);
  writeFileSync(path('missing.json'), stdout);
  const list = ['--only-missing', path('missing.json'), '--out', path('delta.tar'), '--force'];
  const bundled = await airgapOk(['bundle', ...charts, ...list, ...connected], home);
  ok(await inside(['push', path('delta.tar'), '--to', to, ...pushFlags]));
  return bundled;
}

interface Found {
  readonly source?: string;
  readonly status: string;
}

/** Images that are not ok, in the document of a check. */
function failed({ stdout }: Run): [string | undefined, string][] {
  const { kind, images }: { kind: string; images: Found[] } = JSON.parse(stdout);
  expect(kind).toBe('Check');
  return images.flatMap(({ source, status }) => (status === 'ok' ? [] : [[source, status]]));
}

/** Folder of a repository of the target. */
const stored = (repository: string): string => join(target.repositories, 'mirror', repository);

test('after the push, every image would be pulled: with derived and written overrides, and by the bundle alone', async () => {
  expectLine(printed(ok(await check())), /\b2 of 2 images\b/, to);
  ok(await inside(['values', 'shop', '--bundle', path('platform.tar'), '--to', to, '--out', path('overrides.yaml')]));
  expectLine(printed(ok(await check('--overrides', path('overrides.yaml')))), /\b2 of 2 images\b/, to);
  expectLine(printed(ok(await airgap(['check', 'shop', '--bundle', path('platform.tar')], home))), /\b2 of 2 images\b/);
});

describe('a delta brings', () => {
  test('an image that was not pushed', async () => {
    rmSync(join(stored(WEB), '_manifests'), { recursive: true });
    const run = await check();
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'not-pushed', `${to}/${WEB}:1.4`, 'Deployment/web');
    const listed = await check('-o', 'json');
    expect(failed(listed)).toEqual([[`${WEB}:1.4`, 'not-pushed']]);
    expectLine(printed(await mend(listed)), /\b1 image\b/);
    ok(await check());
  });

  test('an image that the overrides name by its digest in the bundle', async () => {
    const pinned = ['--pin', '--out', path('pinned.yaml')];
    ok(await inside(['values', 'shop', '--bundle', path('platform.tar'), '--to', to, ...pinned]));
    expect(readFileSync(path('pinned.yaml'), 'utf8')).toContain('sha256:');
    rmSync(join(stored(WEB), '_manifests'), { recursive: true });
    await mend(await check('--overrides', path('pinned.yaml'), '-o', 'json'));
    ok(await check('--overrides', path('pinned.yaml')));
  });

  test('the layers of an image that the registry has lost', async () => {
    const [layer = ''] = globSync(join(stored(JOB), '_layers/sha256/*'));
    rmSync(layer, { recursive: true });
    const run = await check();
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'incomplete', `${to}/${JOB}:3`, 'Job/setup');
    const tag = readFileSync(join(stored(JOB), '_manifests/tags/3/current/link'), 'utf8');
    await mend(await check('-o', 'json'));
    expect(readFileSync(join(stored(JOB), '_manifests/tags/3/current/link'), 'utf8'), 'the same image').toBe(tag);
    ok(await check());
  });

  test('a platform, and the tags lose none', async () => {
    const run = await check('--platform', 'linux/arm64');
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'wrong-platform', 'linux/arm64', 'linux/amd64', 'Deployment/web', 'Job/setup');
    const bundled = await mend(
      await check('--platform', 'linux/arm64', '-o', 'json'),
      [],
      '--on-existing-tag',
      'overwrite',
    );
    expectLine(bundled.stderr, 'next: ', 'push', '--on-existing-tag overwrite');
    ok(await check('--platform', 'linux/amd64', '--platform', 'linux/arm64'));
  });

  test('a component that site values switch on, which is named with the profile that would have it', async () => {
    const site = ['-f', path('site.yaml')];
    const run = await check(...site);
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'not-in-bundle', `${METRICS}:2.0`, 'metrics.enabled', 'site.yaml', 'Deployment/metrics');
    const alone = await airgap(['check', 'shop', '--bundle', path('platform.tar'), ...site], home);
    expect(alone.code).toBe(3);
    expectFacts(printed(alone), 'not-in-bundle', `${METRICS}:2.0`);
    const listed = await check(...site, '-o', 'json');
    expect(failed(listed)).toEqual([[`${METRICS}:2.0`, 'not-in-bundle']]);
    await mend(listed);
    ok(await check(...site));
  });

  test('a chart, if it is named', async () => {
    rmSync(join(target.repositories, 'mirror/charts'), { recursive: true });
    const run = await check();
    expect(run.code).toBe(3);
    expectLine(printed(run), 'shop 1.4.0', to);
    const listed = await check('-o', 'json');
    writeFileSync(path('missing.json'), listed.stdout);
    const list = ['bundle', '--only-missing', path('missing.json'), '--out', path('none.tar'), ...connected];
    const refused = await airgap(list, home);
    expect(refused.code).toBe(2);
    expectLine(refused.stderr, /^Error: /, 'shop 1.4.0', 'missing.json');
    expectLine(printed(await mend(listed, [path('shop')])), /\b1 chart, 0 images\b/);
    ok(await check());
  });
});

describe('what no delta brings is said with one thing to do', () => {
  test('another certificate authority', async () => {
    const args = ['check', 'shop', '--bundle', path('platform.tar'), '--to', to, '-o', 'json'];
    const run = await inside(args, { ca: 'other-ca.pem' });
    expect(run.code).toBe(3);
    expect(failed(run).map(([, status]) => status)).toEqual(['unknown-authority', 'unknown-authority']);
    const text = await inside(args.slice(0, -2), { ca: 'other-ca.pem' });
    expectFacts(printed(text), 'unknown-authority', '--ca-file');
    writeFileSync(path('missing.json'), run.stdout);
    const none = ['bundle', '--only-missing', path('missing.json'), '--out', path('none.tar'), ...connected];
    const refused = await airgap(none, home);
    expect(refused.code).toBe(2);
    expectLine(refused.stderr, /^Error: .*nothing to bundle/, 'missing.json');
    expectWarning(refused, 'unknown-authority', `${WEB}:1.4`);
  });

  test('a password that has expired, of the caller or of the pull secret', async () => {
    const args = ['check', 'shop', '--bundle', path('platform.tar'), '--to', to];
    const run = await inside(args, { password: 'expired' });
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'no-permission', target.host);
    for (const [password, code] of [
      [PASSWORD, 0],
      ['expired', 3],
    ] as const) {
      const auth = Buffer.from(`user:${password}`).toString('base64');
      writeFileSync(path('secret.json'), JSON.stringify({ auths: { [target.host]: { auth } } }));
      const asPods = await check('--pull-secret', path('secret.json'));
      expect(asPods.code, printed(asPods)).toBe(code);
      if (code === 3) expectFacts(printed(asPods), 'no-permission');
    }
  });

  test('a registry that does not answer', async () => {
    const far = `127.0.0.1:${await freePort()}`;
    const run = await inside(['check', 'shop', '--bundle', path('platform.tar'), '--to', `${far}/mirror`]);
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'unreachable', far);
  });
});

describe('after the install, every Pod', () => {
  const pause = 'registry.k8s.io/pause:3.10';
  const digest = `sha256:${'a'.repeat(64)}`;

  /** Writes the Pods of a cluster: one for each image, running, or unable to pull it. */
  function writePods(...images: readonly (readonly [image: string, isPulled: boolean])[]): void {
    const pods = images.map(([image, isPulled], i) => {
      const imageID = `${image.replace(/:[^/]*$/, '')}@${digest}`;
      const main = isPulled ? { image, imageID, state: running } : { image, state: waiting('ImagePullBackOff') };
      return podObject(`pod-${i}`, { namespace: 'kube-system', containers: { main } });
    });
    writeFileSync(path('pods.json'), podList(pods));
  }

  const pods = (...flags: string[]): Promise<Run> =>
    inside(['check', '--pods', path('pods.json'), '--to', to, ...flags]);

  test('has images of the target, save for those of a list', async () => {
    writePods([`${to}/${WEB}:1.4`, true], [pause, true]);
    const run = await pods();
    expect(run.code).toBe(3);
    expectLine(run.stdout, pause, 'kube-system/pod-1');
    writeFileSync(
      path('allowed.yaml'),
      '- {image: "registry.k8s.io/*", namespace: kube-system, reason: of the cluster}\n',
    );
    const allowed = ok(await pods('--allow-images', path('allowed.yaml')));
    expectLine(allowed.stderr, pause, 'of the cluster');
    writeFileSync(path('allowed.yaml'), '- {image: "registry.k8s.io/*", namespace: other, reason: of the cluster}\n');
    expect((await pods('--allow-images', path('allowed.yaml'))).code).toBe(3);
    writeFileSync(path('allowed.yaml'), '- {image: "registry.k8s.io/*"}\n');
    const refused = await pods('--allow-images', path('allowed.yaml'));
    expect(refused.code).toBe(2);
    expectLine(refused.stderr, /^Error: /, 'allowed.yaml', 'reason');
  });

  test('has pulled them, and the content of the bundle', async () => {
    writePods([`${to}/${WEB}:1.4`, false], [`${to}/${JOB}:3`, true]);
    const { code, stdout } = await pods('--bundle', path('platform.tar'), '-o', 'json');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'PodCheck',
      ok: false,
      problems: [
        { reason: 'cannot-pull', image: `${to}/${WEB}:1.4` },
        { reason: 'other-digest', image: `${to}/${JOB}:3`, cause: digest },
      ],
    });
  });

  test('is in the file: others are refused, also as the list of missing images', async () => {
    const run = await inside(['check', '--pods', path('site.yaml'), '--to', to]);
    expect(run.code).toBe(2);
    expectFacts(run.stderr, 'site.yaml', 'kubectl get pods -A -o json');
    writePods([pause, true]);
    writeFileSync(path('missing.json'), (await pods('-o', 'json')).stdout);
    const list = ['bundle', '--only-missing', path('missing.json'), '--out', path('none.tar'), ...connected];
    const refused = await airgap(list, home);
    expect(refused.code).toBe(2);
    expectFacts(refused.stderr, 'missing.json', 'PodCheck', 'helm airgap check');
  });
});
