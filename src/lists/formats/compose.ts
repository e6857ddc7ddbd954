import { quoted } from '../../base/printable.ts';
import type { ListCollector, Variables } from '../content.ts';
import { type Located, type LocatedMap, lineAt, listAt, mapAt, textAt } from '../located-yaml.ts';
import { interpolate } from './compose-variables.ts';

export function isCompose(document: Located): boolean {
  const services = mapAt(document, 'services');
  return services !== undefined && [...services.entries.values()].every(({ kind }) => kind === 'map');
}

/** Reads the images of the services and of their volumes in a Compose file (compose-spec), of all profiles. */
export function readCompose([document]: readonly Located[], variables: Variables, collector: ListCollector): void {
  const services = mapAt(document, 'services');
  if (document?.kind !== 'map' || services === undefined) return;
  for (const [name, service] of services.entries) {
    if (service.kind === 'map') readService(name, service, variables, collector);
  }
  if (document.entries.has('include')) {
    collector.leave(lineAt(document, 'include'), 'the files that "include" names: give them too');
  }
  for (const [name, model] of mapAt(document, 'models')?.entries ?? [])
    collector.leave(model.line, `the model ${quoted(name)}, which is no image`);
}

function readService(name: string, service: LocatedMap, variables: Variables, collector: ListCollector): void {
  const parent = mapAt(service, 'extends');
  const file = parent && textAt(parent, 'file');
  if (file !== undefined) {
    collector.leave(lineAt(service, 'extends'), `what service ${quoted(name)} extends: give ${quoted(file)} too`);
  }
  const fill = (text: string, line: number): string | undefined => {
    const { text: filled, unknown } = interpolate(text, variables);
    if (unknown.length === 0) return filled;
    const flags = unknown.map((variable) => `--var ${variable}=VALUE`).join(' ');
    const hint = unknown.every((variable) => /^\w+$/.test(variable)) ? `give it with ${flags}` : undefined;
    collector.problem(line, `${quoted(text)} has a variable without a value and a default`, hint);
    return undefined;
  };
  for (const volume of listAt(service, 'volumes')) {
    const source = volume.kind === 'map' && textAt(volume, 'type') === 'image' ? textAt(volume, 'source') : undefined;
    const image = source === undefined ? undefined : fill(source, volume.line);
    if (image !== undefined) collector.image(image, volume.line);
  }
  const written = textAt(service, 'image');
  const isBuilt = service.entries.has('build');
  if (written === undefined) {
    if (isBuilt)
      collector.leave(service.line, `service ${quoted(name)}, which is built and has no image: push it, and name it`);
    else if (service.entries.has('provider'))
      collector.leave(service.line, `service ${quoted(name)}, which a provider runs`);
    else if (parent === undefined && textAt(service, 'extends') === undefined) {
      collector.problem(service.line, `service ${quoted(name)} has no image`, 'write image: registry/repository:tag');
    }
    return;
  }
  const image = fill(written, lineAt(service, 'image'));
  const platform = textAt(service, 'platform');
  const wanted = platform === undefined ? undefined : fill(platform, lineAt(service, 'platform'));
  if (image !== undefined) collector.image(image, lineAt(service, 'image'), wanted === undefined ? [] : [wanted]);
  if (isBuilt)
    collector.leave(
      lineAt(service, 'build'),
      `the build of service ${quoted(name)}: its image has to be in a registry`,
    );
}
