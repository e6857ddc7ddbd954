import { quoted } from '../../base/printable.ts';
import type { ListCollector, Variables } from '../content.ts';
import { type Located, type LocatedMap, lineAt, mapAt, textAt } from '../located-yaml.ts';
import { interpolate } from './compose-variables.ts';

export function isCompose(document: Located): boolean {
  const services = mapAt(document, 'services');
  return services !== undefined && [...services.entries.values()].every(({ kind }) => kind === 'map');
}

/** Reads the images of the services in a Compose file (compose-spec), of all profiles. */
export function readCompose([document]: readonly Located[], variables: Variables, collector: ListCollector): void {
  const services = mapAt(document, 'services');
  if (document?.kind !== 'map' || services === undefined) return;
  for (const [name, service] of services.entries) {
    if (service.kind === 'map') readService(name, service, variables, collector);
  }
  if (document.entries.has('include')) {
    collector.leave(lineAt(document, 'include'), 'the files that "include" names: give them too');
  }
}

function readService(name: string, service: LocatedMap, variables: Variables, collector: ListCollector): void {
  const parent = mapAt(service, 'extends');
  const file = parent && textAt(parent, 'file');
  if (file !== undefined) {
    collector.leave(lineAt(service, 'extends'), `what service ${quoted(name)} extends: give ${quoted(file)} too`);
  }
  const written = textAt(service, 'image');
  const isBuilt = service.entries.has('build');
  if (written === undefined) {
    if (isBuilt)
      collector.leave(service.line, `service ${quoted(name)}, which is built and has no image: push it, and name it`);
    else if (parent === undefined && textAt(service, 'extends') === undefined) {
      collector.problem(service.line, `service ${quoted(name)} has no image`, 'write image: registry/repository:tag');
    }
    return;
  }
  const fill = (key: string, text: string): string | undefined => {
    const { text: filled, unknown } = interpolate(text, variables);
    if (unknown.length === 0) return filled;
    const flags = unknown.map((variable) => `--var ${variable}=VALUE`).join(' ');
    const hint = unknown.every((variable) => /^\w+$/.test(variable)) ? `give it with ${flags}` : undefined;
    collector.problem(lineAt(service, key), `${quoted(text)} has a variable without a value and a default`, hint);
    return undefined;
  };
  const image = fill('image', written);
  const platform = textAt(service, 'platform');
  const wanted = platform === undefined ? undefined : fill('platform', platform);
  if (image !== undefined) collector.image(image, lineAt(service, 'image'), wanted === undefined ? [] : [wanted]);
  if (isBuilt)
    collector.leave(
      lineAt(service, 'build'),
      `the build of service ${quoted(name)}: its image has to be in a registry`,
    );
}
