import type { Mapping } from '../../base/mapping.ts';
import { textBefore, trimTrailing } from '../../base/text-trim.ts';
import { nameOfArchive } from '../../helm/addresses.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';

/** A chart that another chart installs, by a controller or a job. */
export interface NestedChart {
  /** Name of the chart in its repository. */
  readonly name: string;
  /** Version or constraint as declared; empty for the newest. */
  readonly version: string;
  /**
   * `https://…` of a chart repository, or `oci://host/path` of the parent path of the chart; empty if the render does
   * not contain it.
   */
  readonly repository: string;
  /** Digest of the manifest in an OCI registry, if declared. */
  readonly digest?: Digest;
  /** URL of the archive, if declared instead of a repository. */
  readonly url?: string;
  /** The archive itself in base64, if the declaration contains it. */
  readonly content?: string;
  /** Values in the declaration. */
  readonly values: Mapping;
  /** Values files of the nested chart that precede `values`, relative to its folder. */
  readonly valuesFiles?: readonly string[];
  /** Assignments for `--set` and `--set-string`, applied after `values`. */
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly via: Declaration;
  /** Descriptions of values that it receives and the render does not contain. */
  readonly unresolved?: readonly string[];
}

/** Location of the declaration of a nested chart. */
export interface Declaration {
  readonly template: string;
  /** Index of the document in the template, from 0. */
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  /** Path of the field in the object. */
  readonly path: string;
  /** Keys of the entry in the values, for a chart declared by values. */
  readonly values?: readonly string[];
}

/** Name and address of a chart, common to all ways of declaring it. */
export type ChartAddress = Pick<NestedChart, 'name' | 'version' | 'repository' | 'digest' | 'url'>;

/**
 * Builds the address of a chart from two fields: a name in a repository, the OCI
 * repository of the chart or its parent path, or the URL of an archive. Undefined for a local folder.
 */
export function parseChartAddress(
  writtenChart: string,
  writtenRepository: string,
  version: string,
): ChartAddress | undefined {
  const [chart, repository] = [withLowerCaseScheme(writtenChart), withLowerCaseScheme(writtenRepository)];
  if (/^oci:\/\//.test(chart)) return parseOciChartAddress(chart, version);
  // k3s replaces `%{…}` with an address that only the cluster knows.
  if (chart.includes('%{')) return undefined;
  if (/^https?:\/\//.test(chart)) return archiveAddress(chart, version);
  if (!/^[\w{][\w.{} /-]*$/.test(chart)) return undefined;
  if (repository.startsWith('oci://') || /^https?:\/\//.test(repository)) {
    const base = trimTrailing(repository, '/');
    return base.startsWith('oci://')
      ? parseOciChartAddress(`${base}/${chart}`, version)
      : { name: chart, version, repository };
  }
  return repository === '' ? { name: chart, version, repository } : undefined;
}

/** Schemes are case-insensitive (RFC 3986, 3.1). */
function withLowerCaseScheme(address: string): string {
  return address.replace(/^[A-Za-z]+:\/\//, (scheme) => scheme.toLowerCase());
}

/**
 * Parses `oci://host/path/name`, with or without a tag or digest.
 * @param revision version, tag, digest, or a digest after one of the others: `1.2.3@sha256:…`
 */
export function parseOciChartAddress(written: string, revision: string): ChartAddress | undefined {
  const reference = withLowerCaseScheme(written);
  const withoutDigest = reference.includes('@') ? textBefore(reference, '@') : trimTrailing(reference, '/');
  const digest = [revision, reference].map((text) => text.slice(text.lastIndexOf('@') + 1)).find(isDigest);
  const version = isDigest(revision) ? '' : textBefore(revision, '@');
  const colon = withoutDigest.lastIndexOf(':');
  const afterColon = withoutDigest.slice(colon + 1);
  const [path, tag] = /^[\w.+-]+$/.test(afterColon) ? [withoutDigest.slice(0, colon), afterColon] : [withoutDigest, ''];
  const slash = path.lastIndexOf('/');
  if (!path.startsWith('oci://') || slash <= 'oci://'.length) return undefined;
  return {
    name: path.slice(slash + 1),
    version: version || tag,
    repository: path.slice(0, slash),
    ...(digest === undefined ? {} : { digest }),
  };
}

function archiveAddress(url: string, version: string): ChartAddress | undefined {
  const file = /\/([^/?#]+?)\.(?:tgz|tar\.gz)(?:[?#].*)?$/.exec(url)?.[1];
  if (file === undefined) return undefined;
  const { name, version: archiveVersion } = nameOfArchive(file);
  return { name, version: version || archiveVersion, repository: url.slice(0, url.lastIndexOf('/')), url };
}
