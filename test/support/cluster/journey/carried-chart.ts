import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { scratchFolder } from '../../scratch.ts';
import type { Finished } from '../cluster.ts';
import { type Pulls, pullsOf } from '../judges/pulls.ts';
import { type Settled, settle } from '../judges/settle.ts';
import {
  createNamespace,
  type InsideHelm,
  installInside,
  PULL_SECRET,
  pushInside,
  type Site,
  uninstallInside,
  valuesInside,
} from './inside.ts';
import { bundleOutside, type OutsideOptions } from './outside.ts';

/** A chart that is carried into the cluster. */
export interface ChartToCarry {
  /** Path of its archive or folder. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** `HOST/PREFIX` of the target. For the registry that wants pull secrets, the overrides name one. */
  readonly to: string;
  /** Flags of Helm that its renders need, paths absolute. */
  readonly flags?: readonly string[];
  /** Options of the connected side. */
  readonly outside?: Omit<OutsideOptions, 'file'>;
  /** Further flags for `values`. */
  readonly valuesFlags?: readonly string[];
  /** Of the release; NAME-VERSION with dashes for dots unless given. */
  readonly namespace?: string;
  /** How long to wait for what is undecided after the install; 90 unless given. */
  readonly seconds?: number;
  /** What happens at the target between `push` and `values`. */
  readonly pushed?: () => void;
}

/** How it went. */
export interface CarriedChart {
  readonly site: Site;
  /** References of the bundle. */
  readonly references: readonly string[];
  readonly values: Finished & { readonly overrides: string };
  readonly install: Finished;
  readonly settled: Settled;
  readonly pulls: Pulls;
}

/** Returns name and version of an archive that `helm package` made. @throws Error if its name does not have them */
export function identityOf(archive: string): { readonly name: string; readonly version: string } {
  const [, name, version] = /^(.+?)-(v?\d+\.\d+\.\d+.*)\.tgz$/.exec(basename(archive)) ?? [];
  if (name === undefined || version === undefined) throw new Error(`${archive} is not named NAME-VERSION.tgz`);
  return { name, version };
}

/** The whole way of a chart: bundled outside, pushed, and installed inside, until it is decided what becomes of every image. */
export async function carry(helm: InsideHelm, chart: ChartToCarry): Promise<CarriedChart> {
  const { cluster } = helm;
  const { path, name, version, to, flags = [], outside = {}, valuesFlags = [] } = chart;
  const file = join(scratchFolder(), `${name}.tar`);
  const references = await bundleOutside([path], { file, ...outside, flags: [...flags, ...(outside.flags ?? [])] });
  const { namespace = `${name}-${version}`.replaceAll('.', '-') } = chart;
  const site = { helm, file, chart: name, version, namespace, to, values: flags };
  await pushInside(site);
  chart.pushed?.();
  const secret = to.startsWith(`${cluster.registry}/`) ? ['--pull-secret', PULL_SECRET] : [];
  const values = await valuesInside(site, [...secret, ...valuesFlags]);
  await createNamespace(cluster, namespace);
  const prefixes = [`${to}/`];
  let isInstalling = true;
  const installing = installInside(site, values.overrides).finally(() => {
    isInstalling = false;
  });
  // Hooks wait for Pods that need the Secrets that `settle` makes, so both go on at the same time.
  while (isInstalling) {
    await Promise.race([installing, settle(cluster, { namespaces: [namespace], prefixes, seconds: 10 })]);
  }
  const install = await installing;
  const namespaces = [namespace, ...(await namespacesOf(site))];
  const settled = await settle(cluster, { namespaces, prefixes, seconds: chart.seconds ?? 90 });
  return { site, references, values, install, settled, pulls: await pullsOf(cluster, namespaces) };
}

/** Namespaces that are objects of the chart. */
async function namespacesOf({ helm, chart, namespace }: Site): Promise<string[]> {
  const { stdout } = await helm.run(['get', 'manifest', chart, '-n', namespace]);
  const objects = parseAllDocuments(stdout, { uniqueKeys: false }).map((document) => document.toJS());
  return objects.filter((object) => object?.kind === 'Namespace').map(({ metadata }) => metadata.name);
}

/**
 * Removes the release, its namespace and the definitions of custom resources that it leaves, as releases of other
 * namespaces would not adopt them. Does not wait for their end.
 */
export async function remove({ site }: Pick<CarriedChart, 'site'>): Promise<void> {
  const { cluster } = site.helm;
  await uninstallInside(site);
  const owner = '{{with .metadata.annotations}}{{index . "meta.helm.sh/release-namespace"}}{{end}}';
  const template = `{{range .items}}${owner} {{.metadata.name}}{{"\\n"}}{{end}}`;
  const lines = (await cluster.kubectl(['get', 'crd', '-o', `go-template=${template}`])).split('\n');
  const own = lines.filter((line) => line.startsWith(`${site.namespace} `)).map((line) => line.split(' ')[1] ?? '');
  if (own.length > 0) await cluster.run(['kubectl', 'delete', 'crd', ...own]);
}
