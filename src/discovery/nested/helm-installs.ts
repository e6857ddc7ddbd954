import { childPath, type FieldPath } from '../../base/field-path.ts';
import { asMapping, isMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { isIgnoredKind } from '../relevance.ts';
import {
  ContainerContext,
  type HelmCommand,
  helmCommand,
  inlineScript,
  parseAssignment,
  shellCommands,
  shellWords,
  substituteVariables,
} from '../shell/index.ts';
import { type ChartAddress, type Declaration, parseChartAddress } from './chart.ts';
import { dataEntry, declarationAt, parseValues, type Resource } from './resource.ts';

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
 * Returns the charts that the scripts of a render install. Variables have their last value in the script, else that of
 * the container's environment; values files are those that the script writes, else those in ConfigMaps and Secrets.
 */
export function helmInstalls(resources: readonly Resource[]): HelmInstall[] {
  const dataObjects = resources.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
  const fileOf = (name: string): string | undefined =>
    dataObjects.map((dataObject) => dataEntry(dataObject, name)).find((text) => text !== undefined);
  const callsByScript = helmScripts(resources).map((script) => ({ script, calls: callsOf(script) }));
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
    const expanded = words.flatMap((word) => shellWords(word, substituteVariables(word, variables)));
    for (const word of expanded) {
      const assignment = parseAssignment(word);
      if (assignment === undefined) break;
      variables.set(assignment.name, assignment.value);
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

/** Commands that run in sequence, at one location of a render. */
interface HelmScript {
  /** Words of each command, unquoted, with variables unexpanded. */
  readonly commands: readonly (readonly string[])[];
  /** Variables set by the container. */
  readonly environment: ReadonlyMap<string, string>;
  readonly via: Declaration;
}

/**
 * Returns the scripts and commands that call Helm: those of containers anywhere in the render, and scripts in
 * ConfigMaps and Secrets.
 */
function helmScripts(resources: readonly Resource[]): HelmScript[] {
  const containerContext = new ContainerContext(resources.map(({ document }) => document));
  return resources.flatMap((resource) => {
    if (isIgnoredKind(resource.kind)) return [];
    const found: HelmScript[] = [];
    const add = (
      commands: readonly (readonly string[])[],
      fieldPath: FieldPath,
      environment: HelmScript['environment'],
    ): void => {
      if (!commands.some((words) => words.some((word) => /helm/.test(word)))) return;
      found.push({ commands, environment, via: declarationAt(resource, fieldPath.path) });
    };
    visitMappings(resource.object, { path: '' }, (container, fieldPath) => {
      for (const { commands, key } of commandsOf(container)) {
        add(commands, childPath(fieldPath, key), containerContext.environmentOf(container));
      }
    });
    if (resource.kind === 'ConfigMap' || resource.kind === 'Secret') {
      for (const [key, text] of Object.entries(asMapping(resource.object.data))) {
        const script = resource.kind === 'Secret' ? Buffer.from(String(text), 'base64').toString('utf8') : String(text);
        if (script.startsWith('#!') || key.endsWith('.sh')) {
          add(helmCommandsIn(script), childPath({ path: 'data' }, key), new Map());
        }
      }
    }
    return found;
  });
}

function visitMappings(
  value: unknown,
  fieldPath: FieldPath,
  onMapping: (mapping: Mapping, fieldPath: FieldPath) => void,
): void {
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) visitMappings(item, childPath(fieldPath, i), onMapping);
  if (!isMapping(value)) return;
  onMapping(value, fieldPath);
  for (const [key, item] of Object.entries(value)) visitMappings(item, childPath(fieldPath, key), onMapping);
}

/** Returns the commands of a container, or of a workflow step with a script. */
function commandsOf({ command, args, script, source }: Mapping): { key: string; commands: string[][] }[] {
  const words = [command, args].flatMap((part) => (Array.isArray(part) ? part.map(String) : []));
  const inline = inlineScript(words, (word) => word);
  const key = Array.isArray(args) ? 'args' : 'command';
  return [
    ...(words.length > 0 ? [{ key, commands: inline === undefined ? [words] : helmCommandsIn(inline) }] : []),
    ...(typeof script === 'string' ? [{ key: 'script', commands: helmCommandsIn(script) }] : []),
    ...(typeof source === 'string' ? [{ key: 'source', commands: helmCommandsIn(source) }] : []),
  ];
}

function helmCommandsIn(text: string): string[][] {
  return /\bhelm/.test(text) ? shellCommands(text).map(({ words }) => words.map((word) => word.text)) : [];
}

/** Returns the release and chart that a call installs; undefined for other verbs. */
function installTarget({ positional }: HelmCommand): { release: string; chart: string } | undefined {
  const [verb = '', first = '', second] = positional;
  if (!/^(?:install|upgrade|template|pull|fetch)$/.test(verb) || first === '') return undefined;
  const hasRelease = second !== undefined && !/^(?:pull|fetch)$/.test(verb);
  return hasRelease ? { release: first, chart: second } : { release: '', chart: first };
}
