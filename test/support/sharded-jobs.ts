import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The jobs of docs/mirror-sharding.md, as their schedulers would run them. */

const DOCUMENT = join(import.meta.dirname, '../../docs/mirror-sharding.md');

export interface ShardedJob {
  readonly system: 'Kubernetes' | 'AWS Batch';
  /** The object that the scheduler gets. */
  readonly definition: Record<string, unknown>;
  /** Program and arguments of the container. */
  readonly command: readonly string[];
  /** Variables that the job sets. */
  readonly variables: Readonly<Record<string, string>>;
  /** Variable that has the number of the process, from 0. */
  readonly index: string;
  /** Number of processes. */
  readonly processes: number;
}

function block(language: string): string {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [, found] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text) ?? [];
  if (found === undefined) throw new Error(`docs/mirror-sharding.md has no ${language}`);
  return found;
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

const variablesOf = (list: readonly Variable[]): Record<string, string> =>
  Object.fromEntries(list.map(({ name, value }) => [name, value]));

export function shardedJobs(): readonly ShardedJob[] {
  return [kubernetes(), batch()];
}

function kubernetes(): ShardedJob {
  const definition = parse(block('yaml'));
  const { completions, template } = definition.spec;
  const [{ command, args, env }] = template.spec.containers;
  return {
    ...{ system: 'Kubernetes', definition, command: [...command, ...args], variables: variablesOf(env) },
    ...{ index: 'JOB_COMPLETION_INDEX', processes: completions },
  };
}

function batch(): ShardedJob {
  const definition = JSON.parse(block('json'));
  const { command, environment } = definition.containerProperties;
  const [, size] = /submit-job .*--array-properties size=(\d+)/.exec(readFileSync(DOCUMENT, 'utf8')) ?? [];
  return {
    ...{ system: 'AWS Batch', definition, command, variables: variablesOf(environment) },
    ...{ index: 'AWS_BATCH_JOB_ARRAY_INDEX', processes: Number(size) },
  };
}
