import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { asMapping, isMapping } from '../base/mapping.ts';
import { readYamlDocument } from '../base/yaml-read.ts';

/** Names of the file that makes a folder a kustomization, in kustomize's order. */
export const KUSTOMIZATION_NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** Files that a kustomization is built from, as far as they are local. */
export interface KustomizationInputs {
  /** Folders of its bases and components, and of theirs (absolute). */
  readonly folders: ReadonlySet<string>;
  /** Texts of the files, without its own. */
  readonly texts: readonly string[];
  /** False if it also has inputs that were not read: of other repositories, of generators. */
  readonly isComplete: boolean;
  /** Parsed files of its own `configurations`. */
  readonly configurations: readonly Record<string, unknown>[];
  /** Parsed files of the `configurations` of its bases and components. */
  readonly baseConfigurations: readonly Record<string, unknown>[];
}

/** Maximum number of files that are read. */
const MAX_FILES = 5000;

/** Maximum bytes of one file. */
const MAX_BYTES = 16 * 1024 ** 2;

/** Fields that name files and folders. */
const PATH_FIELDS = ['resources', 'bases', 'components', 'patchesStrategicMerge', 'transformers'] as const;
/** Fields whose files are not read, though they make objects. */
const OTHER_INPUTS = ['generators', 'helmCharts', 'helmChartInflationGenerator', 'replacements', 'vars'] as const;

/** Reads the local inputs of a kustomization. @param file absolute path; @param text what it contains */
export async function kustomizationInputs(file: string, text: string): Promise<KustomizationInputs> {
  const folders = new Set<string>();
  const texts: string[] = [];
  const seen = new Set<string>();
  const configurations: Record<string, unknown>[] = [];
  const baseConfigurations: Record<string, unknown>[] = [];
  let isComplete = true;
  const visitFile = async (path: string): Promise<string | undefined> => {
    if (seen.has(path)) return undefined;
    seen.add(path);
    if (seen.size > MAX_FILES) isComplete = false;
    const found = seen.size > MAX_FILES ? undefined : await stat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      folders.add(path);
      const inner = await findKustomization(path);
      if (inner !== undefined) return visitKustomization(inner, (await visitFile(inner)) ?? '');
    }
    const content =
      found?.isFile() && found.size <= MAX_BYTES ? await readFile(path, 'utf8').catch(() => undefined) : undefined;
    if (content === undefined) isComplete = false;
    else texts.push(content);
    return content;
  };
  const visitKustomization = async (path: string, content: string): Promise<undefined> => {
    const root = mappingIn(content);
    if (OTHER_INPUTS.some((field) => root[field] !== undefined)) isComplete = false;
    const named = PATH_FIELDS.flatMap((field) => textsIn(root[field]));
    const patches = [root.patches, root.patchesJson6902].flatMap((list) =>
      Array.isArray(list) ? list.flatMap((patch) => textsIn([asMapping(patch).path])) : [],
    );
    const found = path === file ? configurations : baseConfigurations;
    for (const name of textsIn(root.configurations)) {
      found.push(mappingIn((await readFile(resolve(dirname(path), name), 'utf8').catch(() => '')) ?? ''));
    }
    for (const name of [...named, ...patches]) await visitFile(resolve(dirname(path), name));
    return undefined;
  };
  seen.add(file);
  await visitKustomization(file, text);
  return { folders, texts, isComplete, configurations, baseConfigurations };
}

/** Returns the path of the kustomization in a folder; undefined without one. */
export async function findKustomization(folder: string): Promise<string | undefined> {
  for (const name of KUSTOMIZATION_NAMES) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

function mappingIn(text: string): Record<string, unknown> {
  const document = readYamlDocument(text);
  if (document.errors.length > 0) return {};
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return isMapping(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

function textsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
}
