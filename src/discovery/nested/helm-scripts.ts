import { childPath, type FieldPath } from '../field-path.ts';
import { isMapping, type Mapping } from '../named-value.ts';
import { ContainerContext } from '../network/container-context.ts';
import { shellCommands } from '../network/shell.ts';
import { isIgnoredKind } from '../relevance.ts';
import type { Declaration } from './chart.ts';
import { declarationAt, type Resource } from './resource.ts';
import { asMapping } from './values.ts';

/** Commands that run in sequence, at one location of a render. */
export interface HelmScript {
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
export function helmScripts(resources: readonly Resource[]): HelmScript[] {
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
  const shell = words.findIndex((word) => /^(?:.*\/)?(?:ba|da|a|z|k)?sh$/.test(word));
  const option = words.findIndex((word, i) => i > shell && /^-[a-z]*c$/.test(word));
  const text = shell < 0 || option < 0 ? undefined : words[option + 1];
  const key = Array.isArray(args) ? 'args' : 'command';
  return [
    ...(words.length > 0 ? [{ key, commands: text === undefined ? [words] : helmCommandsIn(text) }] : []),
    ...(typeof script === 'string' ? [{ key: 'script', commands: helmCommandsIn(script) }] : []),
    ...(typeof source === 'string' ? [{ key: 'source', commands: helmCommandsIn(source) }] : []),
  ];
}

function helmCommandsIn(text: string): string[][] {
  return /\bhelm/.test(text) ? shellCommands(text).map(({ words }) => words.map((word) => word.text)) : [];
}
