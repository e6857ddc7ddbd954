import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import {
  type PipelineRunSpec,
  type PipelineTask,
  specsOf,
  substitute,
  type TaskSpec,
  type TektonObject,
  type Value,
} from './objects.ts';

/** A step that was run. */
interface StepRun {
  /** `TASK/STEP` of the Pipeline. */
  readonly name: string;
  readonly image: string;
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

export interface PipelineRun {
  readonly steps: readonly StepRun[];
  /** Texts by `TASK.RESULT`. */
  readonly results: ReadonlyMap<string, string>;
}

/** What a run has of its cluster. */
interface RunOptions {
  /** Folder for scripts and results. */
  readonly folder: string;
  /** Folder of each workspace that is bound in the PipelineRun. */
  readonly workspaces: Readonly<Record<string, string>>;
  /** Environment of the image. */
  readonly env: Readonly<Record<string, string>>;
  /** What `/tmp` is here. */
  readonly temporary: string;
  /** Runs this Task alone, with the results of an earlier run. */
  readonly only?: { readonly task: string; readonly results: PipelineRun['results'] };
}

/** Maximum bytes of all results of a Task: Tekton's default takes them from the termination message of the Pod. */
const RESULT_LIMIT = 4096;

/**
 * Runs the steps of a PipelineRun as Tekton does, one Task at a time: variables replaced, each script by the program in its first
 * line, results read afterwards. Ends with the first step that fails.
 * @throws Error for a variable or result without a value, and for a result that is too large
 */
export async function runPipeline(
  objects: readonly TektonObject[],
  run: PipelineRunSpec,
  options: RunOptions,
): Promise<PipelineRun> {
  const pipeline = specsOf(objects, 'Pipeline').get(run.pipelineRef.name);
  const tasks = specsOf(objects, 'Task');
  if (pipeline === undefined) throw new Error(`no Pipeline ${run.pipelineRef.name}`);
  const params = valuesOf(pipeline.params, run.params ?? []);
  const { only } = options;
  const results = new Map(only?.results);
  const steps: StepRun[] = [];
  for (const task of inOrder(pipeline.tasks)) {
    if (only !== undefined && only.task !== task.name) continue;
    const spec = tasks.get(task.taskRef.name);
    if (spec === undefined) throw new Error(`no Task ${task.taskRef.name}`);
    const given = (task.params ?? []).map(({ name, value }) => ({
      name,
      value: resolved(value, (variable) => {
        const [, from, result] = /^tasks\.([^.]+)\.results\.(.+)$/.exec(variable) ?? [];
        return from === undefined ? params.get(variable) : results.get(`${from}.${result}`);
      }),
    }));
    steps.push(...(await runTask(task, spec, given, options, results)));
    if (steps.at(-1)?.code !== 0) break;
  }
  return { steps, results };
}

async function runTask(
  task: PipelineTask,
  spec: TaskSpec,
  given: readonly Value[],
  { folder, workspaces, env, temporary }: RunOptions,
  results: Map<string, string>,
): Promise<StepRun[]> {
  const own = join(folder, task.name);
  mkdirSync(own, { recursive: true });
  const values = valuesOf(spec.params, given);
  for (const { name } of spec.results ?? []) values.set(`results.${name}.path`, join(own, name));
  for (const { name } of spec.workspaces ?? []) {
    const bound = task.workspaces?.find((workspace) => workspace.name === name);
    const path = bound && workspaces[bound.workspace ?? name];
    const below = path && join(path, bound?.subPath ?? '');
    if (below !== undefined) mkdirSync(below, { recursive: true });
    values.set(`workspaces.${name}.bound`, String(below !== undefined));
    values.set(`workspaces.${name}.path`, below ?? '');
  }
  const here = (text: string): string => resolved(text, (variable) => values.get(variable));
  const steps: StepRun[] = [];
  for (const step of spec.steps) {
    const whole = { ...spec.stepTemplate, ...step };
    const script = join(own, `${step.name}.script`);
    writeFileSync(script, here(whole.script ?? ''));
    chmodSync(script, 0o755);
    const variables = [...(spec.stepTemplate?.env ?? []), ...(step.env ?? [])];
    const ended = await execa(script, [], {
      cwd: here(String(whole.workingDir ?? own)),
      extendEnv: false,
      env: {
        ...env,
        ...Object.fromEntries(variables.map(({ name, value }) => [name, value === '/tmp' ? temporary : here(value)])),
      },
      reject: false,
      all: true,
      stdin: 'ignore',
    });
    const [name, image] = [`${task.name}/${step.name}`, here(whole.image ?? '')];
    steps.push({ name, image, code: ended.exitCode ?? -1, output: ended.all ?? '' });
    if (ended.exitCode !== 0) return steps;
  }
  let bytes = 0;
  for (const { name } of spec.results ?? []) {
    const path = join(own, name);
    if (!existsSync(path)) throw new Error(`${task.name} has not written its result ${name}`);
    const text = readFileSync(path, 'utf8');
    bytes += Buffer.byteLength(text);
    results.set(`${task.name}.${name}`, text);
  }
  if (bytes > RESULT_LIMIT) throw new Error(`${task.name} has ${bytes} bytes of results`);
  return steps;
}

/** Tasks after those that they wait for: by `runAfter`, or by a result. */
function inOrder(tasks: readonly PipelineTask[]): PipelineTask[] {
  const ordered: PipelineTask[] = [];
  const waiting = [...tasks];
  while (waiting.length > 0) {
    const isReady = (task: PipelineTask): boolean =>
      !waiting.some(
        ({ name }) =>
          task.runAfter?.includes(name) || task.params?.some(({ value }) => value.includes(`$(tasks.${name}.results.`)),
      );
    const next = waiting.findIndex(isReady);
    if (next < 0) throw new Error(`tasks that wait for each other: ${waiting.map(({ name }) => name).join(', ')}`);
    ordered.push(...waiting.splice(next, 1));
  }
  return ordered;
}

/** Values by variable, such as `params.image`. */
function valuesOf(
  declared: readonly { readonly name: string; readonly default?: string }[] = [],
  given: readonly Value[],
): Map<string, string> {
  const values = declared.flatMap(({ name, default: text }) => (text === undefined ? [] : [{ name, value: text }]));
  return new Map([...values, ...given].map(({ name, value }) => [`params.${name}`, value]));
}

function resolved(text: string, lookUp: (variable: string) => string | undefined): string {
  return substitute(text, (variable) => {
    const value = lookUp(variable);
    if (value === undefined) throw new Error(`$(${variable}) has no value`);
    return value;
  });
}
