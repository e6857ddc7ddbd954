import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Finding, Location } from '../src/inventory/finding.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import type { Found } from './found.ts';

/** The parts of `airgap images -o json` that are read here. */
export interface Answer {
  readonly charts: readonly { readonly name: string; readonly via?: unknown }[];
  readonly images: readonly Finding[];
}

/** Maximum output in bytes; the largest render of the corpus has 6 MB. */
const MAX_OUTPUT = 2 ** 28;

/** Writes an airgap.yaml with the charts, each with a profile of its flags (JSON is YAML). */
export function writeConfig(file: string, charts: readonly CorpusChart[]): void {
  const entries = charts.map(({ archive, render: { releaseName, ...options } }) => ({
    chart: archive,
    releaseName,
    profiles: [{ name: 'default', ...options }],
  }));
  writeFileSync(file, JSON.stringify({ apiVersion: 'airgap/v1', kind: 'Config', charts: entries }));
}

/** Arguments of the plugin for a configuration file. */
export function imagesCommand(config: string, charts: readonly CorpusChart[]): string[] {
  return ['images', '--config', config, '-o', 'json', ...nestedFlags(charts)];
}

/** Flags to read nested charts from the folder of the corpus, if the truth has any. */
export function nestedFlags(charts: readonly CorpusChart[]): string[] {
  const parent = charts.find(({ nests }) => nests);
  return parent === undefined ? [] : ['--chart-mirror', `*=${dirname(parent.archive)}`];
}

/** Result of a run on one chart. */
export interface Search {
  readonly found: readonly Found[];
  /** End of its stderr, if it failed. */
  readonly problem?: string;
}

/** Runs the built plugin on one chart; `folder` is for the configuration file. */
export function search(airgap: string, chart: CorpusChart, folder: string, env: NodeJS.ProcessEnv): Search {
  const config = join(folder, 'one.yaml');
  writeConfig(config, [chart]);
  const args = imagesCommand(config, [chart]);
  const { status, stdout, stderr } = spawnSync(airgap, args, { encoding: 'utf8', env, maxBuffer: MAX_OUTPUT });
  const found = stdout.trim() === '' ? [] : foundIn(JSON.parse(stdout) as Answer);
  return { found, ...(status === 0 ? {} : { problem: stderr.trim().slice(-600) }) };
}

function foundIn({ images }: Answer): Found[] {
  return images.map(({ reference, confidence, found }) => ({
    reference,
    confidence,
    written: [...new Set(found.map(({ written }) => written))],
    locations: found.map(describe),
  }));
}

function describe({ template, kind, name, path, within, how }: Location): string {
  const field = within === undefined ? path : `${path} | ${within}`;
  return [template, [kind, name].filter(Boolean).join('/'), field, `(${how})`].filter(Boolean).join(' ');
}

/** Renders with plain Helm. @throws Error with the end of its stderr */
export function render(helm: string, { archive, render, flags }: CorpusChart): string {
  const args = ['template', render.releaseName, archive, ...flags];
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8', maxBuffer: MAX_OUTPUT });
  if (status !== 0) throw new Error(`helm template ended with ${status}: ${stderr.trim().slice(-600)}`);
  return stdout;
}
