import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Pipelines of the documents, as their CI systems would run them. */

const DOCUMENT = join(import.meta.dirname, '../../docs/check.md');

export interface Pipeline {
  readonly system: 'Jenkins' | 'GitHub Actions' | 'GitLab CI';
  /** The code block. */
  readonly text: string;
  /** Variables that the pipeline sets. */
  readonly variables: Readonly<Record<string, string>>;
  /** Variables that are secrets of the CI system. */
  readonly secrets: readonly string[];
  /** Scripts in their order; the CI system runs each in a shell of its own, with `-e`. */
  readonly scripts: readonly { readonly name: string; readonly shell: 'sh' | 'bash'; readonly script: string }[];
  /** Files that the CI system keeps. */
  readonly artifacts: readonly string[];
}

/** Returns the text of the first code block of a language after a marker. */
function blockAfter(marker: string, language: string): string {
  const text = readFileSync(DOCUMENT, 'utf8');
  const from = text.indexOf(`\n${marker}`);
  const [, block] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text.slice(from)) ?? [];
  if (from < 0 || block === undefined) throw new Error(`docs/check.md has no ${language} after ${marker}`);
  return block;
}

/** Returns the pipelines in docs/check.md. */
export function pipelines(): readonly Pipeline[] {
  return [
    jenkinsPipeline(blockAfter('Jenkins:', 'groovy')),
    githubWorkflow(blockAfter('GitHub Actions:', 'yaml')),
    gitlabPipeline(blockAfter('GitLab CI', 'yaml')),
  ];
}

/** Reads a declarative Jenkinsfile whose steps are `sh` with single quotes. */
export function jenkinsPipeline(text: string): Pipeline {
  const assigned = [...text.matchAll(/^ {4}([A-Z_]+) = '([^']*)'/gm)].map(([, name = '', value = '']) => [name, value]);
  const stages = [...text.matchAll(/stage\('([^']*)'\)[\s\S]*?sh ('''[\s\S]*?'''|'[^']+')/g)];
  // Within single quotes, Groovy reads a backslash as the beginning of an escape, and no variables.
  const scripts = stages.map(([, name = '', script = '']) => ({
    name,
    shell: 'sh' as const,
    script: script.replaceAll(/^'+|'+$/g, '').replaceAll('\\\\', '\\'),
  }));
  const artifacts = [...text.matchAll(/archiveArtifacts artifacts: '([^']*)'/g)].flatMap(([, files = '']) =>
    files.split(', '),
  );
  return {
    ...{ system: 'Jenkins', text, variables: Object.fromEntries(assigned), scripts, artifacts },
    secrets: /LOGIN = credentials\(/.test(text) ? ['LOGIN_USR', 'LOGIN_PSW'] : [],
  };
}

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: { readonly path?: string };
}

/** Reads the jobs of a workflow, in their order. */
export function githubWorkflow(text: string): Pipeline {
  const jobs: { env?: Pipeline['variables']; steps: Step[] }[] = Object.values(parse(text).jobs);
  const steps = jobs.flatMap((job) => job.steps);
  return {
    ...{ system: 'GitHub Actions', text, variables: Object.assign({}, ...jobs.map(({ env }) => env)) },
    secrets: steps.flatMap((step) => Object.keys(step.env ?? {})),
    scripts: steps.flatMap(({ name = '', run }) => (run === undefined ? [] : [{ name, shell: 'bash', script: run }])),
    artifacts: steps.flatMap((step) => step.with?.path?.trim().split('\n') ?? []),
  };
}

interface GitlabJob {
  readonly script: readonly string[];
  readonly artifacts?: { readonly paths: readonly string[] };
}

/** Reads the jobs of a pipeline in the order of its stages, else of the file. */
export function gitlabPipeline(text: string): Pipeline {
  const { stages, variables = {}, before_script: before = [], default: _, ...rest } = parse(text);
  const jobs: Readonly<Record<string, GitlabJob>> = rest;
  const names: readonly string[] = stages ?? Object.keys(jobs);
  const scripts = names.map((name) => ({
    name,
    shell: 'bash' as const,
    script: [...before, ...(jobs[name]?.script ?? [])].join('\n'),
  }));
  const artifacts = Object.values(jobs).flatMap((job) => job.artifacts?.paths ?? []);
  return { system: 'GitLab CI', text, variables, secrets: ['LOGIN_USR', 'LOGIN_PSW'], scripts, artifacts };
}
