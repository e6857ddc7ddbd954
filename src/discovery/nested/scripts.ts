import { isMapping, type Mapping } from '../entry.ts';
import { shellCommands } from '../network/shell.ts';
import { Surroundings } from '../network/surroundings.ts';
import { isSilent } from '../relevance.ts';
import { childOf, type Spot } from '../spot.ts';
import type { Declaration } from './chart.ts';
import { declaredAt, type Resource } from './resource.ts';
import { mapping } from './values.ts';

/** Commands that run in sequence, at one location of a render. */
export interface Script {
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
export function helmScripts(resources: readonly Resource[]): Script[] {
  const surroundings = new Surroundings(resources.map(({ document }) => document));
  return resources.flatMap((resource) => {
    if (isSilent(resource.kind)) return [];
    const found: Script[] = [];
    const add = (commands: readonly (readonly string[])[], spot: Spot, environment: Script['environment']): void => {
      if (!commands.some((words) => words.some((word) => /helm/.test(word)))) return;
      found.push({ commands, environment, via: declaredAt(resource, spot.path) });
    };
    visit(resource.object, { path: '' }, (holder, spot) => {
      for (const { commands, key } of commandsOf(holder)) {
        add(commands, childOf(spot, key), surroundings.environmentOf(holder));
      }
    });
    if (resource.kind === 'ConfigMap' || resource.kind === 'Secret') {
      for (const [key, text] of Object.entries(mapping(resource.object.data))) {
        const plain = resource.kind === 'Secret' ? Buffer.from(String(text), 'base64').toString('utf8') : String(text);
        if (plain.startsWith('#!') || key.endsWith('.sh')) {
          add(parsed(plain), childOf({ path: 'data' }, key), new Map());
        }
      }
    }
    return found;
  });
}

function visit(value: unknown, spot: Spot, look: (holder: Mapping, spot: Spot) => void): void {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) visit(item, childOf(spot, i), look);
  if (!isMapping(value)) return;
  look(value, spot);
  for (const [key, item] of Object.entries(value)) visit(item, childOf(spot, key), look);
}

/** Returns the commands of a container, or of a workflow step with a script. */
function commandsOf({ command, args, script, source }: Mapping): { key: string; commands: string[][] }[] {
  const words = [command, args].flatMap((part) => (Array.isArray(part) ? part.map(String) : []));
  const shell = words.findIndex((word) => /^(?:.*\/)?(?:ba|da|a|z|k)?sh$/.test(word));
  const option = words.findIndex((word, i) => i > shell && /^-[a-z]*c$/.test(word));
  const text = shell < 0 || option < 0 ? undefined : words[option + 1];
  const key = Array.isArray(args) ? 'args' : 'command';
  return [
    ...(words.length > 0 ? [{ key, commands: text === undefined ? [words] : parsed(text) }] : []),
    ...(typeof script === 'string' ? [{ key: 'script', commands: parsed(script) }] : []),
    ...(typeof source === 'string' ? [{ key: 'source', commands: parsed(source) }] : []),
  ];
}

function parsed(text: string): string[][] {
  return /\bhelm/.test(text) ? shellCommands(text).map(({ words }) => words.map((word) => word.text)) : [];
}
