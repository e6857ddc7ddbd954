import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The pipelines in docs/check.md, as their CI systems would run them. */

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

export function pipelines(): readonly Pipeline[] {
  return [jenkins(), github(), gitlab()];
}

function jenkins(): Pipeline {
  const text = blockAfter('Jenkins:', 'groovy');
  const assigned = [...text.matchAll(/^ {4}([A-Z_]+) = '([^']*)'/gm)].map(([, name = '', value = '']) => [name, value]);
  const stages = [...text.matchAll(/stage\('([^']*)'\)[\s\S]*?sh '''([\s\S]*?)'''/g)];
  // Within three single quotes, Groovy reads a backslash as the beginning of an escape, and no variables.
  const scripts = stages.map(([, name = '', script = '']) => ({
    name,
    shell: 'sh' as const,
    script: script.replaceAll('\\\\', '\\'),
  }));
  const artifacts = [...text.matchAll(/archiveArtifacts artifacts: '([^']*)'/g)].map(([, files = '']) => files);
  return {
    ...{ system: 'Jenkins', text, variables: Object.fromEntries(assigned), scripts, artifacts },
    secrets: /LOGIN = credentials\(/.test(text) ? ['LOGIN_USR', 'LOGIN_PSW'] : [],
  };
}

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: { readonly path: string };
}

function github(): Pipeline {
  const text = blockAfter('GitHub Actions:', 'yaml');
  const { env, steps }: { env: Pipeline['variables']; steps: Step[] } = parse(text).jobs.install;
  return {
    ...{ system: 'GitHub Actions', text, variables: env },
    secrets: steps.flatMap((step) => Object.keys(step.env ?? {})),
    scripts: steps.flatMap(({ name = '', run }) => (run === undefined ? [] : [{ name, shell: 'bash', script: run }])),
    artifacts: steps.flatMap((step) => step.with?.path ?? []),
  };
}

function gitlab(): Pipeline {
  const text = blockAfter('GitLab CI', 'yaml');
  const { stages, variables, before_script: before, default: _, ...jobs } = parse(text);
  const scripts = (stages as string[]).map((name) => ({
    name,
    shell: 'bash' as const,
    script: [...before, ...jobs[name].script].join('\n'),
  }));
  const artifacts = Object.values<{ artifacts?: { paths: string[] } }>(jobs).flatMap(
    (job) => job.artifacts?.paths ?? [],
  );
  return { system: 'GitLab CI', text, variables, secrets: ['LOGIN_USR', 'LOGIN_PSW'], scripts, artifacts };
}
