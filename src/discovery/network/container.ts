import { childPath, type FieldPath } from '../../base/field-path.ts';
import { isMapping, type Mapping } from '../../base/mapping.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { ContainerContext, VariableLookup } from '../shell/index.ts';
import { huggingFaceModels } from './commands.ts';
import { cleanUrl, type Fetch, gitUrl, isArchiveUrl, isGitUrl, isRemote, type NetworkMatch } from './fetch.ts';
import { grafanaPlugin } from './installers.ts';
import { evidenceText, fetchesOfCommand, fetchesOfScript, type LocatedWord } from './script.ts';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];

/**
 * Returns what a container fetches: by its command, hooks and probes, and by variables and flags that make its program
 * fetch.
 */
export function fetchesOfContainer(
  container: Mapping,
  fieldPath: FieldPath,
  containerContext: ContainerContext,
): NetworkMatch[] {
  const environment = containerContext.environmentOf(container);
  const lookup: VariableLookup = (name) => {
    const value = environment.get(name);
    return value === undefined ? [] : [value];
  };
  const image = String(container.image ?? '');
  const command = [...wordsIn(container, 'command', fieldPath), ...wordsIn(container, 'args', fieldPath)];
  // Without a command the image's entrypoint runs; by convention it has the image's name (`bitnami/kubectl`).
  const program = { text: programOf(image), fieldPath: childPath(fieldPath, 'image') };
  const commandLine = container.command === undefined && command.length > 0 ? [program, ...command] : command;
  return [
    ...fetchesOfCommand(commandLine, lookup),
    ...handlerCommands(container, fieldPath).flatMap((words) => fetchesOfCommand(words, lookup)),
    ...scriptOf(container, fieldPath, lookup),
    ...fetchesOfSettings(command, environment, image, fieldPath, container),
  ];
}

/** Containers of Argo Workflows and Tekton may have a script in addition to or instead of the command. */
function scriptOf(container: Mapping, fieldPath: FieldPath, lookup: VariableLookup): NetworkMatch[] {
  return ['script', 'source'].flatMap((key) => {
    const text = container[key];
    return typeof text === 'string' ? fetchesOfScript(text, childPath(fieldPath, key), lookup) : [];
  });
}

function handlerCommands(container: Mapping, fieldPath: FieldPath): LocatedWord[][] {
  const lifecycle = childPath(fieldPath, 'lifecycle');
  const hooks = isMapping(container.lifecycle) ? container.lifecycle : {};
  const handlers: [unknown, FieldPath][] = [
    ...Object.entries(hooks).map(([key, hook]): [unknown, FieldPath] => [hook, childPath(lifecycle, key)]),
    ...PROBES.map((key): [unknown, FieldPath] => [container[key], childPath(fieldPath, key)]),
  ];
  return handlers.map(([handler, handlerPath]) =>
    isMapping(handler) && isMapping(handler.exec)
      ? wordsIn(handler.exec, 'command', childPath(handlerPath, 'exec'))
      : [],
  );
}

function fetchesOfSettings(
  words: readonly LocatedWord[],
  environment: ReadonlyMap<string, string>,
  image: string,
  fieldPath: FieldPath,
  container: Mapping,
): NetworkMatch[] {
  const flags = words.flatMap(({ text, fieldPath: valuePath }, i) => {
    const [, name, value] = /^(-{1,2}[\w.-]+)=(.*)$/s.exec(text) ?? [];
    const previous = words[i - 1]?.text ?? '';
    return name === undefined
      ? [{ name: previous, value: text, valuePath }]
      : [{ name, value: value ?? '', valuePath }];
  });
  const envItems = Array.isArray(container.env) ? container.env : [];
  const variables = [...environment].map(([name, value]) => {
    const index = envItems.findIndex((variable) => isMapping(variable) && variable.name === name);
    const env = childPath(fieldPath, 'env');
    const item = childPath(env, index);
    const hasValue = index >= 0 && envItems[index].value !== undefined;
    return {
      name,
      value,
      valuePath: index < 0 ? childPath(fieldPath, 'envFrom') : childPath(item, hasValue ? 'value' : 'valueFrom'),
    };
  });
  return [...flags, ...variables].flatMap(({ name, value, valuePath }) =>
    fetchesBySetting(name, value, image).map((fetch) => ({
      ...fetch,
      fieldPath: valuePath,
      evidence: evidenceText(`${name}=${value}`),
    })),
  );
}

function wordsIn(parent: Mapping, key: string, fieldPath: FieldPath): LocatedWord[] {
  const list = parent[key];
  const listPath = childPath(fieldPath, key);
  return Array.isArray(list) ? list.map((text, i) => ({ text: String(text), fieldPath: childPath(listPath, i) })) : [];
}

function programOf(image: string): string {
  const name = textBefore(image, '@');
  return textBefore(name.slice(name.lastIndexOf('/') + 1), ':');
}

/** Names of settings that make a workload fetch something, for a fast check of a text. */
export const FETCHING_SETTINGS =
  /GF_(?:INSTALL_PLUGINS|PLUGINS_PREINSTALL)|GIT_?SYNC_?REPO|git-sync|MODEL|--(?:model|hf-)|\bHF_|\.git\b/;

/** Servers that load a model by its Hugging Face name at startup. */
const MODEL_SERVERS =
  /vllm|sglang|text-generation-inference|text-embeddings-inference|\btgi\b|\btei\b|huggingface|infinity|lmdeploy/i;

/**
 * Returns what a named value (an environment variable or a flag with its dashes) makes the container of an image fetch.
 */
function fetchesBySetting(name: string, value: string, image: string): Fetch[] {
  const text = value.trim();
  if (/^GF_(?:INSTALL_PLUGINS|PLUGINS_PREINSTALL(?:_SYNC)?)$/.test(name)) return grafanaPlugins(text);
  if (/^(?:GIT_?SYNC_REPO|-{1,2}repo)$/.test(name) && (name.startsWith('G') || image.includes('git-sync'))) {
    const url = gitUrl(text);
    return isRemote(url) ? [{ url: cleanUrl(url), kind: 'git' }] : [];
  }
  if (/^(?:--model-id|--hf-repo|HF_(?:MODEL|MODEL_ID|MODEL_NAME|REPO|REPO_ID))$/.test(name))
    return huggingFaceModels([text]);
  if (/^(?:--model|--model-path|MODEL|MODEL_ID|MODEL_NAME)$/.test(name) && MODEL_SERVERS.test(image))
    return huggingFaceModels([text]);
  return fetchesOfValue(text);
}

/** Returns what a URL is fetched for, if its form alone says so. */
export function fetchesOfValue(text: string): Fetch[] {
  if (isGitUrl(text)) return [{ url: cleanUrl(gitUrl(text)), kind: 'git' }];
  return isArchiveUrl(text) ? [{ url: cleanUrl(text), kind: 'download' }] : [];
}

/**
 * Parses `id version`, `id@version`, `id@version@url` and `url;id`, separated by commas
 * (grafana.com/docs/grafana/latest/setup-grafana/configure-docker, …/configure-grafana#preinstall).
 */
function grafanaPlugins(list: string): Fetch[] {
  return list
    .split(/[,\n]/)
    .map((item) => item.trim())
    .flatMap((item): Fetch[] => {
      const url = /https?:\/\/[^\s;,]+/.exec(item)?.[0];
      if (url !== undefined) return isRemote(url) ? [{ url: cleanUrl(url), kind: 'plugin' }] : [];
      const [, id, version] = /^([A-Za-z][\w-]+)(?:[\s@]+([\w.+-]+))?@?$/.exec(item) ?? [];
      return id === undefined ? [] : [grafanaPlugin(id, version)];
    });
}
