import { before, withoutEnd } from '../../base/text-ends.ts';
import { nameOfArchive } from '../../helm/chart-metadata.ts';
import type { Mapping } from '../entry.ts';

/** A chart that another chart brings along: installed by a controller or by a job once the other one is. */
export interface NestedChart {
  /** The chart's name in its repository. */
  readonly name: string;
  /** Version or constraint as it is declared; empty: the newest. */
  readonly version: string;
  /** `https://…` of a chart repository, `oci://host/path` of what holds it (without its name); empty: the render does not say. */
  readonly repository: string;
  /** Address of the archive, when it is declared by that and not by a repository. */
  readonly url?: string;
  /** The archive itself in base64, when the declaration holds it. */
  readonly content?: string;
  /** What the declaration gives it. */
  readonly values: Mapping;
  /** Values files of the nested chart itself that come before `values`, relative to its folder. */
  readonly valuesFiles?: readonly string[];
  /** Assignments as `--set` and `--set-string` take them, after `values`. */
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly via: Declaration;
  /** Values that it gets and the render does not show, in words. */
  readonly unseen?: readonly string[];
}

/** Where a nested chart is declared. */
export interface Declaration {
  readonly template: string;
  /** Which of the template's documents, counted from 0. */
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  /** Field of the object. */
  readonly path: string;
  /** Keys of the entry in the values, for one that the values declare. */
  readonly values?: readonly string[];
}

/** Name and place of a chart, as far as the different ways to write it agree. */
export type Address = Pick<NestedChart, 'name' | 'version' | 'repository' | 'url'>;

/**
 * The address of a chart from its parts, whatever they are called where they stand: a name in a repository, an OCI
 * repository that holds it or is it, or an archive's URL. Undefined for a folder of somebody's machine or cluster.
 */
export function addressOf(written: string, from: string, version: string): Address | undefined {
  const [chart, repository] = [withSmallScheme(written), withSmallScheme(from)];
  if (/^oci:\/\//.test(chart)) return ociAddress(chart, version);
  // k3s fills in `%{…}` with an address that only the cluster has.
  if (chart.includes('%{')) return undefined;
  if (/^https?:\/\//.test(chart)) return archiveAddress(chart, version);
  if (!/^[\w{][\w.{} /-]*$/.test(chart)) return undefined;
  if (repository.startsWith('oci://') || /^https?:\/\//.test(repository)) {
    const base = withoutEnd(repository, '/');
    return base.startsWith('oci://') ? ociAddress(`${base}/${chart}`, version) : { name: chart, version, repository };
  }
  return repository === '' ? { name: chart, version, repository } : undefined;
}

/** Schemes may be written in capital letters (RFC 3986, 3.1). */
function withSmallScheme(address: string): string {
  return address.replace(/^[A-Za-z]+:\/\//, (scheme) => scheme.toLowerCase());
}

/** `oci://host/path/name`, with or without a tag or digest. */
export function ociAddress(written: string, version: string): Address | undefined {
  const reference = withSmallScheme(written);
  const bare = reference.includes('@') ? before(reference, '@') : withoutEnd(reference, '/');
  const colon = bare.lastIndexOf(':');
  const behind = bare.slice(colon + 1);
  const [path, tag] = /^[\w.+-]+$/.test(behind) ? [bare.slice(0, colon), behind] : [bare, ''];
  const slash = path.lastIndexOf('/');
  if (!path.startsWith('oci://') || slash <= 'oci://'.length) return undefined;
  return { name: path.slice(slash + 1), version: version || tag, repository: path.slice(0, slash) };
}

function archiveAddress(url: string, version: string): Address | undefined {
  const file = /\/([^/?#]+?)\.(?:tgz|tar\.gz)(?:[?#].*)?$/.exec(url)?.[1];
  if (file === undefined) return undefined;
  const { name, version: inName } = nameOfArchive(file);
  return { name, version: version || inName, repository: url.slice(0, url.lastIndexOf('/')), url };
}
