import { beforeAll, expect, it } from 'vitest';
import type { CrdSchemas } from '../../support/crd-schemas.ts';
import { specsOf, type TektonObject, tektonObjects, variablesIn } from '../../support/tekton/objects.ts';
import { referenceProblems } from '../../support/tekton/references.ts';
import { tektonModule, tektonSchemas } from '../../support/tekton/schemas.ts';

/** The Tasks and the Pipeline of docs/guides/tekton.md: Tekton's own schemas accept them, and their references lead somewhere. */

const objects = tektonObjects('docs/guides/tekton.md');
let schemas: CrdSchemas | undefined;
let missing = '';

beforeAll(() => {
  const module = tektonModule();
  if ('folder' in module) schemas = tektonSchemas(module.folder);
  else missing = module.missing;
}, 70_000);

/** The page's objects with one text changed in the one object that has it. */
function changed(from: string, to: string): TektonObject[] {
  const all = JSON.stringify(objects);
  expect(all.includes(from), from).toBe(true);
  return JSON.parse(all.replace(from, to));
}

it('the schemas of Tekton accept each object', ({ skip }) => {
  if (schemas === undefined) return skip(missing);
  expect(objects.map(({ kind }) => kind).sort()).toEqual(
    expect.arrayContaining(['Pipeline', 'PipelineRun', 'Task', 'Task', 'Task', 'Task', 'Task']),
  );
  expect(objects.flatMap((object) => schemas?.problems(object))).toEqual([]);
});

it.for([
  ['a field of a Task', '"results":[', '"result":['],
  ['a field of a step', '"script":', '"scripts":'],
  ['a field of the Kubernetes API', '"runAsNonRoot":true', '"runAsNonroot":true'],
  ['a type', '"runAsNonRoot":true', '"runAsNonRoot":"yes"'],
  ['a field of a Pipeline', '"runAfter":[', '"after":['],
  ['a field of a PipelineRun', '"pipelineRef":', '"pipeline":'],
  ['a field of a workspace', '"secret":{"secretName":', '"secret":{"name":'],
] as const)('the schemas of Tekton refuse %s', ([, from, to], { skip }) => {
  if (schemas === undefined) return skip(missing);
  expect(changed(from, to).flatMap((object) => schemas?.problems(object))).not.toEqual([]);
});

it('steps run as any user, and no param becomes a part of a script', () => {
  for (const [name, { stepTemplate, steps }] of specsOf(objects, 'Task')) {
    expect(stepTemplate?.securityContext, name).toMatchObject({ runAsNonRoot: true, allowPrivilegeEscalation: false });
    expect(stepTemplate?.env, name).toContainEqual({ name: 'HOME', value: '/tmp' });
    const variables = variablesIn(steps.map(({ script }) => script));
    expect(
      variables.filter((variable) => !/^(?:workspaces|results)\./.test(variable)),
      name,
    ).toEqual([]);
  }
});

it('all references lead to what is there', () => {
  expect(referenceProblems(objects)).toEqual([]);
});

it.for([
  ['a Task', '"taskRef":{"name":"airgap-mirror"}', '"taskRef":{"name":"airgap-sync"}', 'no Task airgap-sync'],
  ['a Task that it waits for', '"runAfter":["', '"runAfter":["not-', 'no task not-'],
  ['a param of a Task', '"value":"$(params.namespace)"}', '"value":"$(params.name)"}', 'no params.name'],
  ['a result', '$(tasks.source.results.public)', '$(tasks.source.results.route)', 'no tasks.source.results.route'],
  ['the path of a result', '$(results.public.path)', '$(results.route.path)', 'no results.route.path'],
  ['a workspace of a Task', '$(workspaces.work.path)', '$(workspaces.data.path)', 'no workspaces.data.path'],
  ['a workspace of the Pipeline', '"workspace":"destination"', '"workspace":"target"', 'no workspace target'],
  [
    'a workspace of the run',
    '{"name":"work","volumeClaimTemplate"',
    '{"name":"data","volumeClaimTemplate"',
    'no workspace data',
  ],
  ['a Pipeline', '"pipelineRef":{"name":"', '"pipelineRef":{"name":"not-', 'no Pipeline not-'],
] as const)('a wrong reference to %s is found', ([, from, to, problem]) => {
  expect(referenceProblems(changed(from, to)).join('\n')).toContain(problem);
});
