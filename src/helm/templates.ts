import type { ChartFiles } from './chart-files.ts';
import { readMapping } from './go-yaml.ts';

/** Template text of a chart or subchart, and the paths of its values in the values of the top chart. */
export interface TemplateSource {
  /** Keys from the root of the values; several if a subchart has several aliases. */
  readonly prefixes: readonly (readonly string[])[];
  readonly text: string;
}

/**
 * Returns the templates of a chart and its subcharts (folders and archives in charts/), one source per chart. Used to
 * find values that only templates mention.
 * @param files texts by path in the chart, including all Chart.yaml and requirements.yaml
 */
export function templateSources(files: ChartFiles): TemplateSource[] {
  return sourcesOf(files, '', [[]]);
}

function sourcesOf(files: ChartFiles, root: string, prefixes: readonly (readonly string[])[]): TemplateSource[] {
  const texts: string[] = [];
  const children = new Set<string>();
  for (const [name, text] of files) {
    if (!name.startsWith(root)) continue;
    const pathInChart = name.slice(root.length);
    if (pathInChart.startsWith('templates/')) texts.push(text);
    const child = /^charts\/([^/]+)\//.exec(pathInChart)?.[1];
    if (child !== undefined) children.add(child);
  }
  const aliases = aliasesOf(files, root);
  const subchartSources = [...children].flatMap((child) => {
    const childRoot = `${root}charts/${child}/`;
    const name = String(readMapping(files.get(`${childRoot}Chart.yaml`)).name ?? child);
    const keys = aliases.get(name) ?? [name];
    return sourcesOf(
      files,
      childRoot,
      prefixes.flatMap((prefix) => keys.map((key) => [...prefix, key])),
    );
  });
  return [{ prefixes, text: texts.join('\n') }, ...subchartSources];
}

function aliasesOf(files: ChartFiles, root: string): Map<string, string[]> {
  const declared = [
    readMapping(files.get(`${root}Chart.yaml`)).dependencies,
    readMapping(files.get(`${root}requirements.yaml`)).dependencies,
  ];
  const aliases = new Map<string, string[]>();
  for (const dependency of declared.flatMap((list) => (Array.isArray(list) ? list : []))) {
    const { name, alias } = dependency as { name?: string; alias?: string };
    if (name !== undefined) aliases.set(name, [...(aliases.get(name) ?? []), alias ?? name]);
  }
  return aliases;
}
