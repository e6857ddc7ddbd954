import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { authority } from '../../support/certificate.ts';
import { helmUnderTest } from '../../support/cli.ts';
import { INTERNAL } from '../../support/image-streams.ts';
import { KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { fillShop, MOVED, type OpenShift, startOpenShift } from '../../support/openshift/cluster.ts';
import { type ApiObject, type ObjectServer, startObjectServer } from '../../support/openshift/object-server.ts';
import { pageBlocks, runPage } from '../../support/page.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { notedProgram, unpackImage } from '../../support/tekton/image.ts';
import { type PipelineTask, specsOf, type TektonObject } from '../../support/tekton/objects.ts';
import { runPipeline } from '../../support/tekton/run.ts';

/**
 * The commands of docs/guides/tekton.md, and the scripts of its Tasks as the PipelineRun has them: with the image of the page, the
 * real Helm, kubectl and skopeo, two registries behind routes with TLS and tokens, and an API server that keeps objects.
 */

const [home, cwd, root] = [scratchFolder(), scratchFolder(), scratchFolder()];
const repository = join(import.meta.dirname, '../../..');
const TOKENS = ['sha256~token-of-the-source', 'sha256~token-of-the-destination'] as const;
const ca = authority();

let source: OpenShift;
let destination: OpenShift;
/** The cluster in which the pipeline runs. */
let hub: ObjectServer;
let digests: ReadonlyMap<string, string>;

beforeAll(async () => {
  [source, destination, hub] = await Promise.all([
    startOpenShift(ca, TOKENS[0]),
    startOpenShift(ca, TOKENS[1]),
    startObjectServer('sha256~hub'),
  ]);
  digests = await fillShop(source);
});
afterAll(() => Promise.all([source.stop(), destination.stop(), hub.stop()]));

test('the pipeline moves a namespace, with mirror and with skopeo', { timeout: 300_000 }, async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const args = join(home, 'arguments.log');
  const programs = join(home, 'programs');
  mkdirSync(programs);
  // The page begins with Helm, kubectl, the plugin and the kubeconfigs in the working folder.
  const noted = notedProgram(join(cwd, 'kubectl'), KUBECTL, args);
  notedProgram(join(cwd, 'helm'), helmUnderTest(), args);
  notedProgram(join(programs, 'skopeo'), 'skopeo', args);
  symlinkSync(repository, join(cwd, 'helm-airgap'));
  symlinkSync(KUBECTL, join(programs, 'kubectl'));
  writeFileSync(join(programs, 'podman'), '#!/bin/sh\ntest "$1" = push || test -f Containerfile\n', { mode: 0o755 });
  writeFileSync(join(home, 'kubeconfig'), hub.kubeconfig);
  writeFileSync(join(cwd, 'source.kubeconfig'), source.api.kubeconfig);
  writeFileSync(join(cwd, 'destination.kubeconfig'), destination.api.kubeconfig);
  writeFileSync(join(cwd, 'ca.crt'), ca.ca);
  const env = { PATH: programs, KUBECONFIG: join(home, 'kubeconfig') };
  await runPage('docs/guides/tekton.md', { cwd, home, env });

  // What kubectl has sent, and the image as its containers see it.
  const objects = hub.objects.filter(({ apiVersion }) => apiVersion === 'tekton.dev/v1') as unknown as TektonObject[];
  const image = unpackImage(cwd, root);
  const volumes = join(home, 'volumes');
  const workspaces = {
    source: volumeOf('Secret', 'source-cluster', volumes),
    destination: volumeOf('Secret', 'destination-cluster', volumes),
    authorities: volumeOf('ConfigMap', 'registry-authorities', volumes),
    work: join(volumes, 'work'),
  };
  mkdirSync(workspaces.work);
  const [run] = [...specsOf(objects, 'PipelineRun').values()];
  if (run === undefined) throw new Error('no PipelineRun was created');
  const options = {
    folder: join(home, 'run'),
    workspaces,
    temporary: scratchFolder(),
    env: {
      ...image,
      TMPDIR: scratchFolder(),
      PATH: `${join(root, 'usr/local/bin')}:${programs}:${process.env.PATH}`,
    },
  };
  const { steps, results } = await runPipeline(objects, run, options);
  expect(steps.map(({ name, code, output }) => (code === 0 ? name : `${name}: ${output}`))).toEqual([
    ...['source/addresses', 'destination/addresses', 'list/export', 'list/list', 'mirror/mirror', 'rewrite/rewrite'],
  ]);
  expect(new Set(steps.map((step) => step.image))).toEqual(new Set(['registry.example.com/tools/helm-airgap:1']));
  expect(Object.fromEntries(results)).toEqual({
    'source.internal': INTERNAL,
    'source.public': source.route.host,
    'destination.internal': INTERNAL,
    'destination.public': destination.route.host,
  });

  // Exactly the tags that have to move, with their digests.
  const moved = (namespace: string): string[] => MOVED.map((tag) => `${namespace}/${tag} ${digests.get(tag)}`).sort();
  expect(tagsOf(destination.route.registry)).toEqual(moved('shop-new'));
  const read = (path: string): string => readFileSync(join(workspaces.work, path), 'utf8');
  expect(parse(read('sync.yaml'))).toEqual({
    [source.route.host]: { images: { 'shop/api': ['1.0', 'latest'], 'shop/cache': ['7'], 'shop/web': ['latest'] } },
  });
  expect(read('replacement.txt')).toContain(`${INTERNAL}/shop=${INTERNAL}/shop-new\n`);
  const rewritten = read('rewritten/deployments.yaml');
  expect(rewritten).toContain(`${INTERNAL}/shop-new/api:1.0`);
  expect(rewritten).toContain('shop/api is not an image here');
  expect(rewritten).not.toContain(`${INTERNAL}/shop/`);

  // Again: nothing is written.
  const before = destination.route.requests.length;
  const only = { task: 'mirror', results };
  const again = await runPipeline(objects, run, { ...options, only });
  expect(again.steps.map(({ name, code }) => [name, code])).toEqual([['mirror/mirror', 0]]);
  expect(destination.route.requests.slice(before).filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([]);

  // The variant for those who stay with skopeo.
  const params = (run.params ?? []).map((param) =>
    param.name === 'new-namespace' ? { ...param, value: 'shop-skopeo' } : param,
  );
  const synced = await runPipeline(withSkopeo(objects), { ...run, params }, { ...options, only });
  expect(synced.steps.map(({ name, code, output }) => (code === 0 ? name : output))).toEqual(['mirror/skopeo-sync']);
  expect(tagsOf(destination.route.registry)).toEqual([...moved('shop-new'), ...moved('shop-skopeo')]);

  // No token left its kubeconfig, but for the login to its own registry.
  expect([source, destination].map(({ route }) => [...route.passwords])).toEqual(TOKENS.map((token) => [token]));
  const said = [...steps, ...synced.steps].map(({ output }) => output).join('\n');
  for (const token of TOKENS)
    for (const text of [said, noted(), JSON.stringify(objects)]) expect(text).not.toContain(token);
});

/** Writes the volume of a Secret or ConfigMap. @returns its folder */
function volumeOf(kind: 'Secret' | 'ConfigMap', name: string, folder: string): string {
  const object: ApiObject | undefined = hub.objects.find((one) => one.kind === kind && one.metadata.name === name);
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [key, value] of Object.entries((object?.data ?? {}) as Record<string, string>)) {
    writeFileSync(join(path, key), Buffer.from(value, kind === 'Secret' ? 'base64' : 'utf8'));
  }
  return path;
}

/** The objects of the page with its Task for skopeo in the Pipeline. */
function withSkopeo(objects: readonly TektonObject[]): TektonObject[] {
  const block = (path: string): string =>
    pageBlocks('docs/guides/tekton.md').find(({ mark }) => mark === `file=${path}`)?.text ?? '';
  const [task] = parse(block('skopeo/task.yaml')) as [PipelineTask];
  return [...objects, parse(block('skopeo/skopeo-sync.yaml')) as TektonObject].map((object) => {
    if (object.kind !== 'Pipeline') return object;
    const tasks = object.spec.tasks.map((one) => (one.name === task.name ? task : one));
    return { ...object, spec: { ...object.spec, tasks } };
  });
}
