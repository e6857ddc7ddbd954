import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Confidence, Finding, Location } from '../../src/inventory/finding.ts';
import { formatReference, tryParseReference } from '../../src/oci/reference.ts';
import { launcher } from '../../test/support/cli.ts';
import type { CorpusChart } from '../../test/support/corpus.ts';
import { run } from '../programs.ts';

/** A reference that a search found. */
export interface Found {
  /** Normalised: docker.io, library/ and :latest filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
  /** Distinct spellings in the render. */
  readonly written: readonly string[];
  /** Locations, for people. */
  readonly locations: readonly string[];
}

/** The parts of `airgap images -o json` that are read here. */
export interface Answer {
  readonly charts: readonly { readonly name: string; readonly via?: unknown }[];
  readonly images: readonly Finding[];
}

/** Writes an airgap.yaml with the charts, each with a profile of its flags (JSON is YAML). */
export function writeConfig(file: string, charts: readonly CorpusChart[]): void {
  const entries = charts.map(({ archive, render: { releaseName, ...options } }) => ({
    chart: archive,
    releaseName,
    profiles: [{ name: 'default', ...options }],
  }));
  writeFileSync(file, JSON.stringify({ apiVersion: 'airgap/v1', kind: 'Config', charts: entries }));
}

/** Command line for a configuration file. */
export function imagesCommand(config: string, charts: readonly CorpusChart[]): [string, ...string[]] {
  return [launcher, 'images', '--config', config, '-o', 'json', ...nestedFlags(charts)];
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
  readonly problem: string | undefined;
}

/** Runs the built plugin on one chart; `folder` is for the configuration file. */
export function search(helm: string, chart: CorpusChart, folder: string): Search {
  const config = join(folder, 'one.yaml');
  writeConfig(config, [chart]);
  const [program, ...args] = imagesCommand(config, [chart]);
  const { status, stdout, problem } = run(program, args, { ...process.env, HELM_BIN: helm });
  const found = stdout.trim() === '' ? [] : foundIn(JSON.parse(stdout) as Answer);
  return { found, problem: status === 0 ? undefined : problem };
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

/** An `image:` key with a plain value, in a list or not, as scripts search for it. */
const LINE = /^[\s-]*image:\s+(\S+)/;

/**
 * Finds `image:` lines in the output of `helm template`, without quotes and normalised. Values that are no references are
 * reported unchanged: a script would try to pull them.
 */
export function grepImages(rendered: string): Found[] {
  const lines = new Map<string, string[]>();
  for (const [index, line] of rendered.split('\n').entries()) {
    const written = LINE.exec(line)?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
    if (written === undefined || written === '') continue;
    lines.set(written, [...(lines.get(written) ?? []), `line ${index + 1}`]);
  }
  const found = new Map<string, Found>();
  for (const [written, locations] of lines) {
    const parsed = tryParseReference(written);
    const reference = parsed === undefined ? written : formatReference(parsed);
    const other = found.get(reference);
    found.set(reference, {
      reference,
      confidence: 'certain',
      written: [...(other?.written ?? []), written],
      locations: [...(other?.locations ?? []), ...locations],
    });
  }
  return [...found.values()];
}
