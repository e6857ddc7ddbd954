import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { KUBECTL } from '../../support/kubectl.ts';
import { type PageRun, pageBlocks, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** All commands of docs/guides/kustomize.md, with a target that has token authentication and TLS. */

const home = scratchFolder();
const cwd = join(home, 'work');
const programs = join(home, 'programs');
let upstream: TestRegistry;
let target: TestRegistry;
let front: FaultProxy;
let runs: PageRun[];
let digests: Map<string, string>;
/** Kustomizations before the first command, and after each. */
const texts: Record<string, string>[] = [];

const IMAGES = [
  'docker.io/library/nginx:1.27',
  'docker.io/library/nginx:1.28',
  'docker.io/library/busybox:1.36',
  'quay.io/acme/exporter:v2.1.0',
  'icr.io/acme/agent:7',
];

const kustomization = (name: string): string => readFileSync(join(cwd, `kustomize/${name}/kustomization.yaml`), 'utf8');
const host = (text: string): string => text.replaceAll('us.icr.io', front.tlsFront.host);

function built(name: string): string[] {
  const text = execFileSync(KUBECTL as string, ['kustomize', join(cwd, 'kustomize', name)], { encoding: 'utf8' });
  return [...text.matchAll(/image: (\S+)/g)].map(([, image = '']) => image);
}

describe.skipIf(KUBECTL === undefined)('the guide for kustomizations', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    mkdirSync(cwd);
    mkdirSync(programs);
    symlinkSync(KUBECTL as string, join(programs, 'kubectl'));
    [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
    front = await startFaultProxy(target.host, 'iamapikey:key', 'registry.test');
    digests = await fillUpstream(upstream.host, IMAGES);
    writeFileSync(join(home, 'ca.pem'), front.tlsFront.authority);
    const connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    const trusted = ['--ca-file', join(home, 'ca.pem')];
    const flags: Record<string, readonly string[]> = {
      bundle: connected,
      mirror: [...connected, ...trusted],
      push: trusted,
      check: trusted,
      values: trusted,
    };
    runs = await runPage('docs/guides/kustomize.md', {
      cwd,
      home,
      replace: { 'us.icr.io': front.tlsFront.host },
      flags: (command) => flags[command] ?? [],
      env: { PATH: programs, API_KEY: 'key', SSL_CERT_FILE: join(home, 'ca.pem') },
      before: () => {
        texts.push({ web: kustomization('web'), db: kustomization('db') });
      },
    });
  }, 120_000);
  afterAll(() => Promise.all([front, upstream, target].map((server) => server?.stop())));

  test('the images are at the target under flat names, for a login with a token over TLS', () => {
    const expected = [...digests].map(([image, digest]) => `${image.slice(image.lastIndexOf('/') + 1)} ${digest}`);
    expect(tagsOf(target, 'team').sort()).toEqual(expected.sort());
  });

  test('the kustomization is the one that the page shows', () => {
    const shown = pageBlocks('docs/guides/kustomize.md').find(
      ({ language, mark, text }) => language === 'yaml' && mark === '' && text.includes('Front end'),
    );
    expect(texts[2]?.web).toBe(host(shown?.text ?? ''));
    // One entry for each spelling.
    expect(texts[2]?.db).toMatch(/- name: docker\.io\/nginx\n/);
    expect(runs[1]?.output).toMatch(/\b4 of 4 images would be pulled from \S+\/team\b/);
  });

  test('the list decides about a new version, and a bundle changes nothing then', () => {
    expect(texts[3]?.web).toBe(host((texts[2]?.web ?? '').replace('1.27', '1.28')));
    expect(built('web')).toEqual(
      ['nginx:1.28', 'exporter:v2.1.0', 'busybox:1.36'].map((image) => `${front.tlsFront.host}/team/${image}`),
    );
    expect(built('db')).toEqual(['agent:7', 'nginx:1.28'].map((image) => `${front.tlsFront.host}/team/${image}`));
    expect(texts[4]).toEqual(texts[3]);
  });

  test('the space on disk is stated before the bundle is written', () => {
    const { output = '' } = runs[3] ?? {};
    expect(output).toMatch(/ of disk space needed, .* free/);
  });

  test('what an entry keeps public on purpose is accepted', () => {
    expect(built('probe')).toEqual(['registry.k8s.io/pause:3.10']);
    expect(runs[4]?.output).toContain('public on purpose: registry.k8s.io/pause:3.10');
  });
});
