import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import type { Context } from '../../../src/session/context.ts';
import { bundle } from '../../../src/workflows/bundle/bundle.ts';
import { images } from '../../../src/workflows/images/images.ts';
import { diff } from '../../../src/workflows/inspect/diff.ts';
import { inspect } from '../../../src/workflows/inspect/inspect.ts';
import { push } from '../../../src/workflows/push/push.ts';
import { SELECT_ALL } from '../../../src/workflows/push/selection.ts';
import { values } from '../../../src/workflows/values/values.ts';
import { verify } from '../../../src/workflows/verify/verify.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { testHelms } from '../../support/helm.ts';
import { pushImage } from '../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Milliseconds of a run, all together, during which neither a step nor a transfer may be open. */
const SILENCE = 300;

const helm = testHelms().findLast(({ path }) => path !== undefined)?.path;
const folder = scratchFolder();
const out = join(folder, 'app.tar');
let source: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  [source, target] = await Promise.all([startRegistry(), startRegistry()]);
  for (const name of ['web', 'job']) await pushImage(source.host, `team/${name}`, '1');
  const container = (name: string): string =>
    `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: c, image: "{{ .Values.${name} }}"}]}}`;
  await writeFiles(join(folder, 'app'), {
    'Chart.yaml': chartYaml('app'),
    'values.yaml': `web: ${source.host}/team/web:1\njob: ${source.host}/team/job:1\n`,
    'templates/pods.yaml': `${container('web')}\n---\n${container('job')}\n`,
  });
});
afterAll(() => Promise.all([source?.stop(), target?.stop()]));

/** Follows the events of a run, and measures how long neither a step nor a transfer is open. */
class Listener {
  readonly titles: string[] = [];
  readonly silences: { readonly milliseconds: number; readonly before: string }[] = [];
  readonly #steps = new Set<string>();
  readonly #blobs = new Set<string>();
  #images = 0;
  #silentSince: number | undefined = performance.now();

  /** Steps that have not ended, and blobs and images of transfers that are not complete. */
  get open(): number {
    return this.#steps.size + this.#blobs.size + this.#images;
  }

  readonly emit = (event: AirgapEvent): void => {
    this.#count(event);
    if (this.open > 0) this.#endSilence('title' in event ? event.title : event.type);
    else this.#silentSince ??= performance.now();
  };

  #count(event: AirgapEvent): void {
    if (event.type === 'step') {
      this.titles.push(event.title);
      this.#steps.add(event.step);
    } else if (event.type === 'step-end') this.#steps.delete(event.step);
    else if (event.type === 'plan') {
      for (const { digest } of event.blobs) this.#blobs.add(digest);
      this.#images += event.items?.total ?? 0;
    } else if (event.type === 'blob' && event.status !== 'started') this.#blobs.delete(event.digest);
    else if (event.type === 'image') this.#images--;
  }

  end(): void {
    if (this.open === 0) this.#endSilence('the end');
  }

  #endSilence(before: string): void {
    if (this.#silentSince === undefined) return;
    this.silences.push({ milliseconds: performance.now() - this.#silentSince, before });
    this.#silentSince = undefined;
  }
}

/** Runs a workflow twice, because the first run loads code, and returns what the second one told. */
async function listenTo(run: (context: Context) => Promise<unknown>): Promise<Listener> {
  let listener = new Listener();
  for (let i = 0; i < 2; i++) {
    listener = new Listener();
    const { emit } = listener;
    await run({ env: { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder }, cwd: folder, emit });
    listener.end();
    expect(listener.open).toBe(0);
  }
  return listener;
}

function expectNoSilence({ silences }: Listener): void {
  const total = silences.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  expect(total, JSON.stringify(silences.filter(({ milliseconds }) => milliseconds > 20))).toBeLessThan(SILENCE);
}

describe.skipIf(helm === undefined)('every step ends, and there is always a step or a transfer', () => {
  const search = () => ({
    charts: [{ request: { chart: './app' }, profiles: [{ name: 'default', options: {} }] }],
    add: [],
    whatIf: true,
    networkSwitches: true,
  });
  const registryUse = (registry: TestRegistry) => ({
    access: { mirrors: [], plainHttp: [registry.host] },
    concurrency: 4,
  });

  test('in images', async () => {
    const told = await listenTo((context) => images(context, search()));
    expect(told.titles).toEqual(expect.arrayContaining(['fetching chart ./app', 'rendering app 1.0.0']));
    expectNoSilence(told);
  });

  test('in bundle', async () => {
    let run = 0;
    const told = await listenTo((context) =>
      bundle(context, {
        ...search(),
        ...registryUse(source),
        ...{ referrers: true, attestations: 'keep', requireReferrers: false },
        ...{ out: run++ === 0 ? join(folder, 'first.tar') : out, force: true, farConcurrency: 4, reuse: [] },
        ...{ dryRun: false, platforms: [], imageConfigs: true },
      }),
    );
    const steps = ['resolving images', 'reading image configs', 'looking for signatures and attestations'];
    expect(told.titles).toEqual(expect.arrayContaining([...steps, 'planning app.tar', 'flushing app.tar to disk']));
    expectNoSilence(told);
  });

  test('in push', async () => {
    let run = 0;
    const told = await listenTo((context) =>
      push(
        context,
        {
          ...registryUse(target),
          ...{ files: [out], targets: [parseTarget(`${target.host}/m${run++}`, 'host-path')], existing: 'error' },
          ...{ requireReferrers: false, selection: SELECT_ALL, now: () => new Date() },
          repositories: { create: 'missing', reconcile: false, settings: {} },
        },
        async () => {},
      ),
    );
    const steps = ['opening app.tar', 'reading the manifests of app.tar', `checking tags in ${target.host}`];
    expect(told.titles).toEqual(expect.arrayContaining([...steps, 'reading back the pushed tags']));
    expectNoSilence(told);
  });

  test('in verify', async () => {
    const told = await listenTo((context) => verify(context, out, 1));
    expect(told.titles).toEqual(['opening app.tar', 'checking the structure of app.tar']);
    expectNoSilence(told);
  });

  test('in inspect and diff', async () => {
    const inspected = await listenTo(({ emit }) => inspect(out, undefined, emit));
    expectNoSilence(inspected);
    const compared = await listenTo(({ emit }) => diff(out, join(folder, 'first.tar'), undefined, emit));
    expect([...inspected.titles, ...compared.titles]).toEqual(
      ['app', 'app', 'first'].map((name) => `opening ${name}.tar`),
    );
    expectNoSilence(compared);
  });

  test('in values', async () => {
    const request = { chart: './app' };
    const redirected = parseTarget('r.example/m', 'host-path');
    const told = await listenTo((context) =>
      values(context, { request, bundle: undefined, target: redirected, render: {} }),
    );
    const steps = ['rendering app 1.0.0', 'probing values of app 1.0.0', 'proving the overrides of app 1.0.0'];
    expect(told.titles).toEqual(expect.arrayContaining(steps));
    expectNoSilence(told);
  });

  test('also if the run fails', async () => {
    const listener = new Listener();
    const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };
    const request = { chart: './absent' };
    const charts = [{ request, profiles: [{ name: 'default', options: {} }] }];
    const found = images({ env, cwd: folder, emit: listener.emit }, { ...search(), charts });
    await expect(found).rejects.toMatchObject({ code: 'chart-not-found' });
    expect(listener.titles).toEqual(['fetching chart ./absent']);
    expect(listener.open).toBe(0);
  });
});
