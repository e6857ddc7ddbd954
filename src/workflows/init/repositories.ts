import * as z from 'zod';
import { isName } from '../../base/names.ts';
import { withoutSecrets } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import type { Context } from '../../session/context.ts';

/** Chart repositories of the user's Helm (`helm repo list`), by name; URLs without user information. */
export type Repositories = ReadonlyMap<string, string>;

const repositoryList = z.array(z.object({ name: z.string(), url: z.string() }));
const chartList = z.array(z.object({ name: z.string(), version: z.string() }));

/** Returns the repositories of the user's Helm; none if it has none. */
export async function readRepositories(context: Context): Promise<Repositories> {
  const { stdout } = await new Helm(context).run(['repo', 'list', '--output=json'], { scope: 'web' });
  const list = repositoryList.safeParse(parse(stdout)).data ?? [];
  return new Map(list.map(({ name, url }) => [name, withoutSecrets(url)]));
}

/**
 * Returns the URLs of those repositories whose cached index has a version of a chart. Nothing is fetched.
 */
export async function repositoriesWith(
  context: Context,
  repositories: Repositories,
  { chart, version }: { readonly chart: string; readonly version: string },
): Promise<string[]> {
  if (repositories.size === 0 || !isName('chart name', chart) || !isName('chart version', version)) return [];
  const args = ['search', 'repo', chart, `--version=${version}`, '--output=json'];
  const { stdout } = await new Helm(context).run(args, { scope: 'web' });
  const found = chartList.safeParse(parse(stdout)).data ?? [];
  const urls = found
    .filter((entry) => entry.name.endsWith(`/${chart}`) && entry.version === version)
    .flatMap(({ name }) => repositories.get(name.slice(0, -chart.length - 1)) ?? []);
  return [...new Set(urls)];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
