import { before } from '../../base/text-ends.ts';
import { isMapping, type Mapping } from '../entry.ts';
import { childOf, type Spot } from '../spot.ts';
import type { NetworkHit } from './need.ts';
import { evidenceOf, fetchesOfCommand, fetchesOfScript, type PlacedWord } from './script.ts';
import { fetchesBySetting } from './settings.ts';
import type { Surroundings } from './surroundings.ts';
import type { Lookup } from './variables.ts';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];

/**
 * Returns what a container fetches: by its command, hooks and probes, and by variables and flags that make its program
 * fetch.
 */
export function fetchesOfContainer(container: Mapping, spot: Spot, surroundings: Surroundings): NetworkHit[] {
  const environment = surroundings.environmentOf(container);
  const lookup: Lookup = (name) => {
    const value = environment.get(name);
    return value === undefined ? [] : [value];
  };
  const image = String(container.image ?? '');
  const command = [...wordsAt(container, 'command', spot), ...wordsAt(container, 'args', spot)];
  // Without a command the image's entrypoint runs; by convention it has the image's name (`bitnami/kubectl`).
  const program = { text: programOf(image), spot: childOf(spot, 'image') };
  const run = container.command === undefined && command.length > 0 ? [program, ...command] : command;
  return [
    ...fetchesOfCommand(run, lookup),
    ...handlers(container, spot).flatMap((words) => fetchesOfCommand(words, lookup)),
    ...scriptOf(container, spot, lookup),
    ...bySettings(command, environment, image, spot, container),
  ];
}

/** Containers of Argo Workflows and Tekton may have a script in addition to or instead of the command. */
function scriptOf(container: Mapping, spot: Spot, lookup: Lookup): NetworkHit[] {
  return ['script', 'source'].flatMap((key) => {
    const text = container[key];
    return typeof text === 'string' ? fetchesOfScript(text, childOf(spot, key), lookup) : [];
  });
}

function handlers(container: Mapping, spot: Spot): PlacedWord[][] {
  const lifecycle = childOf(spot, 'lifecycle');
  const hooks = isMapping(container.lifecycle) ? container.lifecycle : {};
  const all: [unknown, Spot][] = [
    ...Object.entries(hooks).map(([key, hook]): [unknown, Spot] => [hook, childOf(lifecycle, key)]),
    ...PROBES.map((key): [unknown, Spot] => [container[key], childOf(spot, key)]),
  ];
  return all.map(([handler, at]) =>
    isMapping(handler) && isMapping(handler.exec) ? wordsAt(handler.exec, 'command', childOf(at, 'exec')) : [],
  );
}

function bySettings(
  words: readonly PlacedWord[],
  environment: ReadonlyMap<string, string>,
  image: string,
  spot: Spot,
  container: Mapping,
): NetworkHit[] {
  const flags = words.flatMap(({ text, spot: wordPath }, i) => {
    const [, name, value] = /^(-{1,2}[\w.-]+)=(.*)$/s.exec(text) ?? [];
    const before = words[i - 1]?.text ?? '';
    return name === undefined
      ? [{ name: before, value: text, valuePath: wordPath }]
      : [{ name, value: value ?? '', valuePath: wordPath }];
  });
  const listed = Array.isArray(container.env) ? container.env : [];
  const variables = [...environment].map(([name, value]) => {
    const index = listed.findIndex((variable) => isMapping(variable) && variable.name === name);
    const env = childOf(spot, 'env');
    const item = childOf(env, index);
    const own = index >= 0 && listed[index].value !== undefined;
    return {
      name,
      value,
      valuePath: index < 0 ? childOf(spot, 'envFrom') : childOf(item, own ? 'value' : 'valueFrom'),
    };
  });
  return [...flags, ...variables].flatMap(({ name, value, valuePath }) =>
    fetchesBySetting(name, value, image).map((fetch) => ({
      ...fetch,
      spot: valuePath,
      evidence: evidenceOf(`${name}=${value}`),
    })),
  );
}

function wordsAt(holder: Mapping, key: string, spot: Spot): PlacedWord[] {
  const list = holder[key];
  const at = childOf(spot, key);
  return Array.isArray(list) ? list.map((text, i) => ({ text: String(text), spot: childOf(at, i) })) : [];
}

function programOf(image: string): string {
  const bare = before(image, '@');
  return before(bare.slice(bare.lastIndexOf('/') + 1), ':');
}
