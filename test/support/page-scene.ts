import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFiles } from './charts.ts';
import { airgapOk, helmUnderTest, program, type Run } from './cli.ts';
import { type NamedHost, type NamedHosts, startNamedHosts } from './named-hosts.ts';
import { startRegistry, type TestRegistry } from './registry.ts';
import { scratchFolder } from './scratch.ts';
import { fillUpstream } from './upstream.ts';

/** What the pages in docs/ are about: registries under the names that they have there, and small charts with the names of real ones. */

export interface PageScene {
  /** Folder of charts as archives, which each page gets a copy of. */
  readonly charts: string;
  /** Content of all public registries, below their names. */
  readonly upstream: TestRegistry;
  /** The private registry. */
  readonly target: TestRegistry;
  readonly env: Readonly<Record<string, string>>;
  readonly named: NamedHosts;
  /** Runs the plugin in a folder. @throws Error unless it ends with 0 */
  airgap(cwd: string, ...args: readonly string[]): Promise<Run>;
  /** Creates the folders of a reader, of which the working folder has the charts, and empties the private registry. */
  reader(): { readonly cwd: string; readonly home: string; readonly env: Readonly<Record<string, string>> };
  stop(): Promise<void>;
}

export interface SceneOptions {
  /** Synthetic images by their full names. */
  readonly images: readonly string[];
  /** Names of the private registry. */
  readonly targets?: readonly string[];
  /** Further hosts by name. */
  readonly hosts?: Readonly<Record<string, NamedHost>>;
}

/** Starts the registries and fills the public ones. */
export async function startScene({ images, targets = [], hosts = {} }: SceneOptions): Promise<PageScene> {
  const [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await fillUpstream(upstream.host, images);
  const sources = [...new Set(images.map((image) => image.split('/')[0] ?? ''))].filter((name) => !(name in hosts));
  const named = await startNamedHosts({
    ...Object.fromEntries(
      sources.map((name) => [
        name === 'docker.io' ? 'registry-1.docker.io' : name,
        { registry: upstream.host, prefix: name },
      ]),
    ),
    ...Object.fromEntries(targets.map((name) => [name, { registry: target.host }])),
    ...hosts,
  });
  const [charts, home] = [scratchFolder(), scratchFolder()];
  return {
    charts,
    upstream,
    target,
    env: named.env,
    named,
    airgap: (cwd, ...args) => airgapOk(args, home, { cwd, env: named.env }),
    reader() {
      const cwd = scratchFolder();
      rmSync(target.repositories, { recursive: true, force: true });
      cpSync(charts, cwd, { recursive: true });
      return { cwd, home: scratchFolder(), env: named.env };
    },
    async stop() {
      await Promise.all([named.stop(), upstream.stop(), target.stop()]);
    },
  };
}

/** Packages a chart. @param folder of the archive, `NAME-VERSION.tgz` */
export async function packageChart(files: Readonly<Record<string, string>>, folder: string): Promise<void> {
  const home = scratchFolder();
  await program(helmUnderTest(), ['package', await writeFiles(join(home, 'chart'), files), '-d', folder], home);
}

/** Returns a folder with an archive of a chart and the index of a chart repository. */
export async function repositoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = scratchFolder();
  await packageChart(files, folder);
  await program(helmUnderTest(), ['repo', 'index', folder], scratchFolder());
  return folder;
}
