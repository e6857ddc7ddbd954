import {
  type Param,
  type PipelineRunSpec,
  type PipelineSpec,
  specsOf,
  type TaskSpec,
  type TektonObject,
  variablesIn,
  type WorkspaceDeclaration,
} from './objects.ts';

/**
 * Returns the references in Tasks, Pipelines and PipelineRuns to what is not there, and required params and workspaces that are
 * not given: what Tekton refuses at admission or when a run begins. Empty if there are none.
 */
export function referenceProblems(objects: readonly TektonObject[]): string[] {
  const [tasks, pipelines] = [specsOf(objects, 'Task'), specsOf(objects, 'Pipeline')];
  return [
    ...[...tasks].flatMap(([name, spec]) => taskProblems(spec).map((problem) => `${name}: ${problem}`)),
    ...[...pipelines].flatMap(([name, spec]) => pipelineProblems(spec, tasks).map((problem) => `${name}: ${problem}`)),
    ...[...specsOf(objects, 'PipelineRun')].flatMap(([name, spec]) =>
      runProblems(spec, pipelines).map((problem) => `${name}: ${problem}`),
    ),
  ];
}

function taskProblems(task: TaskSpec): string[] {
  const { params, workspaces, results, ...rest } = task;
  const known = [
    ...variables('params', params),
    ...(workspaces ?? []).flatMap(({ name }) => [`workspaces.${name}.path`, `workspaces.${name}.bound`]),
    ...(results ?? []).map(({ name }) => `results.${name}.path`),
  ];
  return unknownVariables(rest, known);
}

function pipelineProblems(pipeline: PipelineSpec, tasks: ReadonlyMap<string, TaskSpec>): string[] {
  const { tasks: steps, params } = pipeline;
  const names = steps.map(({ name }) => name);
  const results = steps.flatMap(({ name, taskRef }) =>
    (tasks.get(taskRef.name)?.results ?? []).map((result) => `tasks.${name}.results.${result.name}`),
  );
  return steps.flatMap((step, i) => {
    const task = tasks.get(step.taskRef.name);
    const workspaces = step.workspaces ?? [];
    const problems = [
      ...(names.indexOf(step.name) === i ? [] : ['two tasks have this name']),
      ...(step.runAfter ?? []).filter((name) => !names.includes(name)).map((name) => `runAfter: no task ${name}`),
      ...unknownVariables(step, [...variables('params', params), ...results, 'context.pipelineRun.name']),
      ...(task === undefined
        ? [`no Task ${step.taskRef.name}`]
        : [...givenParams(step.params, task.params), ...givenWorkspaces(workspaces, task.workspaces)]),
      ...workspaces
        .filter(({ name, workspace }) => !pipeline.workspaces?.some((known) => known.name === (workspace ?? name)))
        .map(({ name, workspace }) => `no workspace ${workspace ?? name} in the Pipeline`),
    ];
    return problems.map((problem) => `${step.name}: ${problem}`);
  });
}

function runProblems(run: PipelineRunSpec, pipelines: ReadonlyMap<string, PipelineSpec>): string[] {
  const pipeline = pipelines.get(run.pipelineRef.name);
  if (pipeline === undefined) return [`no Pipeline ${run.pipelineRef.name}`];
  return [
    ...givenParams(run.params, pipeline.params),
    ...givenWorkspaces(run.workspaces, pipeline.workspaces),
    ...unknownVariables(run, []),
  ];
}

function givenParams(given: readonly { readonly name: string }[] = [], declared: readonly Param[] = []): string[] {
  return [
    ...given.filter(({ name }) => !declared.some((param) => param.name === name)).map(({ name }) => `no param ${name}`),
    ...declared
      .filter((param) => param.default === undefined && !given.some(({ name }) => name === param.name))
      .map(({ name }) => `param ${name} is not given`),
  ];
}

function givenWorkspaces(
  given: readonly { readonly name: string }[] = [],
  declared: readonly WorkspaceDeclaration[] = [],
): string[] {
  return [
    ...given
      .filter(({ name }) => !declared.some((workspace) => workspace.name === name))
      .map(({ name }) => `no workspace ${name}`),
    ...declared
      .filter(({ name, optional }) => optional !== true && !given.some((workspace) => workspace.name === name))
      .map(({ name }) => `workspace ${name} is not given`),
  ];
}

function variables(kind: string, declared: readonly { readonly name: string }[] = []): string[] {
  return declared.map(({ name }) => `${kind}.${name}`);
}

function unknownVariables(value: unknown, known: readonly string[]): string[] {
  return [...new Set(variablesIn(value))]
    .filter((variable) => !known.includes(variable))
    .map((variable) => `no ${variable}`);
}
