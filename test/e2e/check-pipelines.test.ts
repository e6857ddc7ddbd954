import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFiles } from '../support/charts.ts';
import { airgapOk, cleanEnvironment, helmUnderTest, launcher } from '../support/cli.ts';
import { expectFacts, expectLine } from '../support/facts.ts';
import { type Pipeline, pipelines } from '../support/pipelines.ts';
import { podList, podObject, running, waiting } from '../support/pods.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { METRICS, SITE_CHART, SITE_IMAGES, SITE_VALUES, WEB } from '../support/site-chart.ts';
import { fillUpstream } from '../support/upstream.ts';

/**
 * The scripts of the pipelines in docs/check.md, with the real plugin and registries. Logins and installs of Helm, and kubectl,
 * are programs that note how they are called.
 */

const home = scratchFolder();
const programs = join(home, 'bin');
const notes = join(home, 'notes');
const podsFile = join(home, 'pods.json');
let upstream: TestRegistry;
let target: TestRegistry;
let to: string;
let connected: string[];

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  to = `${target.host}/mirrored`;
  connected = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await fillUpstream(upstream.host, SITE_IMAGES);
  await writeFiles(join(home, 'shop'), SITE_CHART);
  const bundle = join(home, 'platform.tar');
  await airgapOk(['bundle', join(home, 'shop'), ...connected, '--out', bundle], home);
  await push(bundle);
  const program = (name: string, lines: readonly string[]): void => {
    writeFileSync(join(programs, name), ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(join(programs, name), 0o755);
  };
  mkdirSync(programs);
  program('helm', [
    'case "$1 $2" in',
    `"registry login") echo "login $3 $5 $(cat)" >> ${notes} ;;`,
    `"upgrade --install") echo "$@" >> ${notes}; exit "\${HELM_FAILS:-0}" ;;`,
    `airgap*) shift; exec '${launcher}' "$@" --plain-http ${target.host} ;;`,
    '*) exit 64 ;;',
    'esac',
  ]);
  program('kubectl', [`cat '${podsFile}'`]);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

function push(bundle: string): ReturnType<typeof airgapOk> {
  return airgapOk(['push', bundle, '--to', to, '--plain-http', target.host], home);
}

/** Writes Pods that run these images, or cannot pull them. */
function writePods(...images: readonly (readonly [image: string, isPulled: boolean])[]): void {
  const pods = images.map(([image, isPulled], i) => {
    const imageID = `${image.replace(/:[^/]*$/, '')}@sha256:${'a'.repeat(64)}`;
    const main = isPulled ? { image, imageID, state: running } : { image, state: waiting('ImagePullBackOff') };
    return podObject(`pod-${i}`, { containers: { main } });
  });
  writeFileSync(podsFile, podList(pods));
}

interface Ended {
  /** Name of the last script that ran. */
  readonly last: string;
  readonly code: number;
  readonly output: string;
}

/** Runs the scripts until one fails, as the CI system would. @param folder checkout of the pipeline's repository */
async function runPipeline({ scripts, variables, secrets }: Pipeline, folder: string, env = {}): Promise<Ended> {
  writeFileSync(join(folder, 'allowed.yaml'), '- image: registry.k8s.io/*\n  reason: part of the cluster\n');
  const own = { ...variables, REGISTRY: target.host, TARGET: to, CHART: 'shop', VERSION: '1.4.0', ...env };
  const logins = Object.fromEntries(secrets.map((name) => [name, `value-of-${name}`]));
  const path = `${programs}:${process.env.PATH}`;
  let [last, code, output] = ['', 0, ''];
  for (const { name, shell, script } of scripts) {
    const options = { cwd: folder, extendEnv: false, reject: false, stdin: 'ignore', all: true } as const;
    const environment = { ...cleanEnvironment(home), HELM_BIN: helmUnderTest(), PATH: path, ...own, ...logins };
    const ended = await execa(shell, ['-e', '-c', script], { ...options, env: environment });
    [last, code, output] = [name, ended.exitCode ?? -1, `${output}${ended.all}\n`];
    if (code !== 0) break;
  }
  return { last, code, output };
}

describe.each(pipelines().map((pipeline) => [pipeline.system, pipeline] as const))('%s', (_, pipeline) => {
  const [, , install] = pipeline.scripts.map(({ name }) => name);

  test('checks, installs, and checks the Pods', async () => {
    const folder = scratchFolder();
    rmSync(notes, { force: true });
    writeFileSync(join(folder, 'site.yaml'), '{}\n');
    writePods([`${to}/${WEB}:1.4`, true], ['registry.k8s.io/pause:3.10', true]);
    const good = await runPipeline(pipeline, folder);
    expect(good.code, good.output).toBe(0);
    expectLine(good.output, /\b2 of 2 images\b/, to);
    expectLine(readFileSync(notes, 'utf8'), 'login', target.host, 'value-of-LOGIN_USR', 'value-of-LOGIN_PSW');
    expectLine(readFileSync(notes, 'utf8'), 'upgrade --install shop', `oci://${to}/charts/shop`, '-f overrides.yaml');
    expect(existsSync(join(folder, 'missing.json'))).toBe(false);

    // A Pod that cannot pull is named, and a failed install stays failed.
    writePods([`${to}/${WEB}:1.5`, false]);
    const bad = await runPipeline(pipeline, folder, { HELM_FAILS: '7' });
    expect([bad.last, bad.code], bad.output).toEqual([install, 3]);
    expectFacts(bad.output, `${to}/${WEB}:1.5`, 'apps/pod-0');
    writePods([`${to}/${WEB}:1.4`, true]);
    expect(await runPipeline(pipeline, folder, { HELM_FAILS: '7' })).toMatchObject({ last: install, code: 7 });
  });

  test('stops before the install if an image is missing, and leaves the list that a delta is made of', async () => {
    const folder = scratchFolder();
    rmSync(notes, { force: true });
    rmSync(join(target.repositories, 'mirrored', METRICS), { recursive: true, force: true });
    writeFileSync(join(folder, 'site.yaml'), SITE_VALUES);
    writePods([`${to}/${WEB}:1.4`, true]);
    const stopped = await runPipeline(pipeline, folder);
    expect([stopped.last, stopped.code], stopped.output).toEqual([pipeline.scripts[1]?.name, 3]);
    expectFacts(stopped.output, 'not-pushed', `${to}/${METRICS}:2.0`, 'Deployment/metrics');
    expect(readFileSync(notes, 'utf8')).not.toContain('upgrade');
    const delta = join(folder, 'delta.tar');
    const list = ['--only-missing', join(folder, 'missing.json'), '--out', delta];
    await airgapOk(['bundle', ...list, ...connected], home);
    await push(delta);
    const good = await runPipeline(pipeline, folder);
    expect(good.code, good.output).toBe(0);
  });
});
