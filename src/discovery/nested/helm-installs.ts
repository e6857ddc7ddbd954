import type { Mapping } from '../named-value.ts';
import { type ChartAddress, type Declaration, parseChartAddress } from './chart.ts';
import { type HelmCommand, helmCommand, installTarget } from './helm-command.ts';
import type { HelmScript } from './helm-scripts.ts';
import { overlayValues, parseValues } from './values.ts';

/** A call of `helm install` or a similar verb in a rendered script. */
export interface HelmInstall {
  readonly release: string;
  /** As written in the call: with a repository alias, an address, a path, or a variable. */
  readonly chart: string;
  /** Set if the call contains an address, or a repository that a script adds. */
  readonly address: ChartAddress | undefined;
  readonly version: string;
  readonly namespace: string;
  /** Values of the files that the script writes from base64 or a ConfigMap contains. */
  readonly values: Mapping;
  readonly set: readonly string[];
  readonly setString: readonly string[];
  readonly unresolved: readonly string[];
  readonly via: Declaration;
}

/**
 * Returns the charts that scripts install. Variables have their last value in the script, else that of the container's
 * environment.
 * @param fileOf returns the text of a file by name, from the ConfigMaps and Secrets of the render
 */
export function helmInstalls(
  scripts: readonly HelmScript[],
  fileOf: (name: string) => string | undefined,
): HelmInstall[] {
  const callsByScript = scripts.map((script) => ({ script, calls: callsOf(script) }));
  const repositories = new Map<string, string>();
  for (const { command } of callsByScript.flatMap(({ calls }) => calls)) {
    const [verb, add, alias, url] = command.positional;
    if (verb !== 'repo' || add !== 'add' || alias === undefined || url === undefined) continue;
    // `helm repo add` does not support OCI registries.
    if (!url.startsWith('oci://')) repositories.set(alias, url);
  }
  return callsByScript.flatMap(({ script, calls }) =>
    calls.flatMap(({ command, files }) => {
      const target = installTarget(command);
      if (target === undefined) return [];
      const version = resolvedOrEmpty(command.valuesOf('--version').at(-1));
      const repository = command.valuesOf('--repo').at(-1);
      const { values, unresolved } = valuesOf(command, files, fileOf);
      return [
        {
          ...target,
          address: resolveAddress(target.chart, repository, version, repositories),
          version,
          namespace: resolvedOrEmpty(command.valuesOf('-n', '--namespace').at(-1)),
          values,
          unresolved,
          set: command.valuesOf('--set').filter((text) => !hasUnresolvedVariable(text)),
          setString: command.valuesOf('--set-string').filter((text) => !hasUnresolvedVariable(text)),
          via: script.via,
        },
      ];
    }),
  );
}

/** Reports whether a text contains a variable that the render does not set. */
export function hasUnresolvedVariable(text: string): boolean {
  return /[$`]/.test(text);
}

function resolvedOrEmpty(text = ''): string {
  return hasUnresolvedVariable(text) ? '' : text;
}

interface HelmCall {
  readonly command: HelmCommand;
  /** Values of the files written so far. */
  readonly files: ReadonlyMap<string, Mapping>;
}

function callsOf({ commands, environment }: HelmScript): HelmCall[] {
  const variables = new Map(environment);
  const files = new Map<string, Mapping>();
  const calls: HelmCall[] = [];
  let decoded: Mapping | undefined;
  for (const words of commands) {
    const expanded = words.flatMap((word) => expand(word, variables));
    for (const word of expanded) {
      const [, name, value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
      if (name === undefined) break;
      variables.set(name, value);
    }
    // `echo "$VALUES" | base64 -d > FILE` is two commands; the second contains the file name.
    decoded = expanded.map(decodeValues).find((values) => values !== undefined) ?? decoded;
    const target = outputFile(expanded);
    if (target !== undefined && decoded !== undefined) {
      files.set(target, decoded);
      decoded = undefined;
    }
    const command = helmCommand(expanded);
    if (command !== undefined) calls.push({ command, files: new Map(files) });
  }
  return calls;
}

/** Expands the variables of a word. A word that is only a variable is split, as by a shell without quotes. */
function expand(word: string, variables: ReadonlyMap<string, string>): string[] {
  const text = word.replace(
    /\$(?:\{(\w+)(?::?[-=]([^{}]*))?\}|\((\w+)\)|(\w+))/g,
    (reference, braced?: string, fallback?: string, kubernetes?: string, bare?: string) =>
      variables.get(braced ?? kubernetes ?? bare ?? '') ?? (fallback || reference),
  );
  return /^\$\{?\w+\}?$/.test(word) ? text.trim().split(/\s+/) : [text];
}

/** Decodes values in base64, either alone or assigned to a variable. Padding looks like an empty assignment. */
function decodeValues(word: string): Mapping | undefined {
  const text = word.replace(/^\w+=(?!=?$)/, '').replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]{8,}={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return parseValues(Buffer.from(text, 'base64').toString('utf8'));
}

/** Returns the file that a command redirects its output to. */
function outputFile(words: readonly string[]): string | undefined {
  const index = words.findIndex((word) => /^1?>{1,2}/.test(word));
  if (index < 0) return undefined;
  return words[index]?.replace(/^1?>{1,2}/, '') || words[index + 1];
}

function valuesOf(
  command: HelmCommand,
  files: ReadonlyMap<string, Mapping>,
  fileOf: (name: string) => string | undefined,
): { values: Mapping; unresolved: string[] } {
  const unresolved: string[] = [];
  let values: Mapping = {};
  for (const path of command.valuesOf('-f', '--values').flatMap((paths) => paths.split(','))) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const fileValues = files.get(path) ?? parseValues(fileOf(name) ?? '');
    if (fileValues === undefined) unresolved.push(`values file ${path}`);
    else values = overlayValues(values, fileValues);
  }
  return { values, unresolved };
}

function resolveAddress(
  chart: string,
  repository: string | undefined,
  version: string,
  repositories: ReadonlyMap<string, string>,
): ChartAddress | undefined {
  if (hasUnresolvedVariable(chart) || hasUnresolvedVariable(repository ?? '')) return undefined;
  if (repository !== undefined) return parseChartAddress(chart, repository, version);
  if (chart.includes('://')) return parseChartAddress(chart, '', version);
  const slash = chart.indexOf('/');
  const addedRepository = repositories.get(chart.slice(0, slash));
  return slash < 1 || addedRepository === undefined || hasUnresolvedVariable(addedRepository)
    ? undefined
    : parseChartAddress(chart.slice(slash + 1), addedRepository, version);
}
