import { yamlValue } from '../base/yaml-reading.ts';
import type { Files } from './chart-files.ts';

/** The template text of a chart or subchart, and where its values stand in the whole chart's values. */
export interface TemplateSource {
  /** Keys from the root of the values; several where a subchart is used under several aliases. */
  readonly prefixes: readonly (readonly string[])[];
  readonly text: string;
}

/**
 * All templates of a chart and its subcharts (folders and archives in charts/), one source a chart. For finding values
 * that only templates mention.
 * @param files texts by their path in the chart, with its and its subcharts' Chart.yaml and requirements.yaml
 */
export function templateSources(files: Files): TemplateSource[] {
  return sourcesOf(files, '', [[]]);
}

function sourcesOf(files: Files, root: string, prefixes: readonly (readonly string[])[]): TemplateSource[] {
  const own: string[] = [];
  const children = new Set<string>();
  for (const [name, text] of files) {
    if (!name.startsWith(root)) continue;
    const rest = name.slice(root.length);
    if (rest.startsWith('templates/')) own.push(text);
    const child = /^charts\/([^/]+)\//.exec(rest)?.[1];
    if (child !== undefined) children.add(child);
  }
  const aliases = aliasesOf(files, root);
  const below = [...children].flatMap((child) => {
    const childRoot = `${root}charts/${child}/`;
    const name = String(read(files, `${childRoot}Chart.yaml`).name ?? child);
    const keys = aliases.get(name) ?? [name];
    return sourcesOf(
      files,
      childRoot,
      prefixes.flatMap((prefix) => keys.map((key) => [...prefix, key])),
    );
  });
  return [{ prefixes, text: own.join('\n') }, ...below];
}

function aliasesOf(files: Files, root: string): Map<string, string[]> {
  const declared = [
    read(files, `${root}Chart.yaml`).dependencies,
    read(files, `${root}requirements.yaml`).dependencies,
  ];
  const aliases = new Map<string, string[]>();
  for (const dependency of declared.flatMap((list) => (Array.isArray(list) ? list : []))) {
    const { name, alias } = dependency as { name?: string; alias?: string };
    if (name !== undefined) aliases.set(name, [...(aliases.get(name) ?? []), alias ?? name]);
  }
  return aliases;
}

function read(files: Files, name: string): Record<string, unknown> {
  try {
    return (yamlValue(files.get(name) ?? '', { uniqueKeys: false }) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
