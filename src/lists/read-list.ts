import { combine } from '../base/errors.ts';
import { ListCollector, type ListContent, type Variables } from './content.ts';
import { readCompose } from './formats/compose.ts';
import { readEnvFile } from './formats/env-file.ts';
import { readHauler } from './formats/hauler.ts';
import { readImagesLock } from './formats/images-lock.ts';
import { readShellList } from './formats/shell-list.ts';
import { readSkopeoSync } from './formats/skopeo-sync.ts';
import { readTextList } from './formats/text-list.ts';
import { readYamlList } from './formats/yaml-list.ts';
import { readZarf } from './formats/zarf.ts';
import type { ListFormat } from './list-format.ts';
import { readLocatedYaml } from './located-yaml.ts';
import { textKind, yamlFormat } from './recognise.ts';
import { leaveUnlisted } from './unlisted-references.ts';

/** Maximum size of a list in bytes. The longest known lists have 1000 lines. */
export const MAX_LIST_SIZE = 2 * 2 ** 20;

export interface ReadListOptions {
  /** Name of the file for messages. */
  readonly file: string;
  /** Form of the list; by default its content says. */
  readonly format?: ListFormat | undefined;
  readonly variables?: Variables;
}

/**
 * Reads a list of charts and images in any of the forms of {@link ListFormat}. Nothing in it is run.
 * @throws AirgapError `config` with file and line of each problem
 */
export function readList(bytes: Uint8Array, { file, format, variables = new Map() }: ReadListOptions): ListContent {
  const collector = new ListCollector(file);
  const text = decode(bytes, collector);
  const read = text === undefined ? undefined : readText(text, format, variables, collector);
  const { charts, images, manifests, kustomize, registries, targets, logins, notTaken, problems } = collector;
  const taken = [charts, images, manifests, kustomize, registries, targets, logins, notTaken];
  const found = taken.reduce((sum, { length }) => sum + length, 0);
  if (found + problems.length === 0) {
    collector.problem(
      1,
      'the file names no chart, no image and no registry',
      'check the file, or say what it is with --from-format',
    );
  }
  // A word of an env file may be a secret.
  if (text !== undefined && problems.length === 0 && read !== 'env-file') leaveUnlisted(text, collector);
  if (problems.length > 0 || read === undefined) throw combine(problems, `${file} cannot be taken`);
  return { format: read, charts, images, manifests, kustomize, registries, targets, logins, notTaken };
}

function decode(bytes: Uint8Array, collector: ListCollector): string | undefined {
  if (bytes.length > MAX_LIST_SIZE) {
    collector.problem(1, `the file has more than ${MAX_LIST_SIZE} bytes`, 'no list is that long; split it');
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n');
  } catch {
    collector.problem(1, 'the file is not text in UTF-8');
    return undefined;
  }
}

function readText(
  text: string,
  wanted: ListFormat | undefined,
  variables: Variables,
  collector: ListCollector,
): ListFormat | undefined {
  const kind = wanted ?? textKind(text);
  if (kind === 'shell') readShellList(text, variables, collector);
  else if (kind === 'env-file') readEnvFile(text, variables, collector);
  else if (kind === 'text') readTextList(text, collector);
  else {
    const documents = readLocatedYaml(text, collector);
    if (collector.problems.length > 0) return undefined;
    const format = wanted ?? yamlFormat(documents, collector);
    if (format === 'hauler') readHauler(documents, collector);
    else if (format === 'zarf') readZarf(documents, variables, collector);
    else if (format === 'images-lock') readImagesLock(documents, collector);
    else if (format === 'compose') readCompose(documents, variables, collector);
    else if (format === 'skopeo-sync') readSkopeoSync(documents, collector);
    else if (format === 'yaml') readYamlList(documents, collector);
    return format;
  }
  return kind;
}
