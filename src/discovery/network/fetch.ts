import type { FieldPath } from '../../base/field-path.ts';
import { redact } from '../../base/redact.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { Location } from '../../inventory/finding.ts';

/** Kind of content that is fetched. */
export type NetworkKind =
  | 'download'
  | 'chart-repository'
  | 'chart'
  | 'git'
  | 'package'
  | 'plugin'
  | 'dashboard'
  | 'model';

/** Location of a network need, with the fields of {@link Location}. */
export interface NetworkLocation extends Omit<Location, 'how' | 'written' | 'parts' | 'via' | 'redirect'> {
  /** The command line, or `key=value`; secrets are redacted, and long ones are cut. */
  readonly evidence: string;
}

/** Something that a workload fetches from outside the cluster at run time. */
export interface NetworkNeed {
  /**
   * Address without user info; unresolved shell variables stay in its path. Packages have a package URL
   * (`pkg:pypi/requests@2.32`, github.com/package-url/purl-spec), because the image decides which mirror is used.
   */
  readonly url: string;
  readonly kind: NetworkKind;
  readonly found: readonly NetworkLocation[];
}

/** Something that one command or setting fetches. */
export interface Fetch {
  readonly url: string;
  readonly kind: NetworkKind;
}

/** A fetch at a field path of one object. */
export interface NetworkMatch extends Fetch {
  readonly fieldPath: FieldPath;
  readonly evidence: string;
}

const URL_PARTS = /^([a-z][a-z0-9+.]*):\/\/(?:[^/@]*@)?([A-Za-z0-9.-]+)(?::(\d+|\$[\w{}()]+))?(?=$|[/?#])/;
const SCHEMES = new Set(['http', 'https', 'ftp', 'git', 'ssh', 'oci', 'git+https', 'git+ssh']);
/** Last labels of host names that only a cluster or a site resolves, and of example names (RFC 2606, RFC 6762). */
const LOCAL_NAME =
  /(?:^|\.)(?:svc|cluster|local|localdomain|localhost|internal|intranet|lan|home|corp|default|namespace|test|example|invalid)$|(?:^|\.)svc\.|(?:^|\.)example\.(?:com|org|net)$/i;
const IP_ADDRESS = /^[\d.]+$/;
const TOP_LEVEL = /\.(?:[a-z]{2,24}|xn--[a-z0-9-]+)$/i;

/**
 * Reports whether a URL leads out of the cluster: a scheme for fetching, and a host that public DNS can resolve. False
 * for hosts with unresolved variables, IP addresses, single labels, in-cluster names and example names.
 */
export function isRemote(url: string): boolean {
  const [, scheme = '', host = '', port] = URL_PARTS.exec(url) ?? [];
  if (!SCHEMES.has(scheme) || IP_ADDRESS.test(host) || LOCAL_NAME.test(host) || !TOP_LEVEL.test(host)) return false;
  // Commands inside the URL may contain spaces.
  if (/\s/.test(withoutCommands(url))) return false;
  // `service.namespace:port` is the short form of an in-cluster service name.
  return !(scheme === 'http' && port !== undefined && port !== '80' && host.split('.').length === 2);
}

function withoutCommands(url: string): string {
  let result = '';
  let position = 0;
  for (;;) {
    const start = url.indexOf('$(', position);
    const end = start < 0 ? -1 : url.indexOf(')', start);
    if (end < 0) return result + url.slice(position);
    result += url.slice(position, start);
    position = end + 1;
  }
}

/** Returns the URL for reports: without user info, tokens, and surrounding quotes or punctuation. */
export function cleanUrl(url: string): string {
  let end = url.length;
  while (end > 0 && `"',;)`.includes(url[end - 1] as string)) end -= 1;
  return redact(url.slice(0, end).replace(/^(\w[\w+.]*:\/\/)[^/@]*@/, '$1'));
}

const GIT = /^(?:(?:https?|git|ssh|git\+https|git\+ssh):\/\/\S+|[\w.-]+@[\w.-]+\.[a-z]+:\S+)\.git(?:@[\w./-]+)?$/;

/** Reports whether a text is exactly the URL of a Git repository. */
export function isGitUrl(text: string): boolean {
  return GIT.test(text) && isRemote(gitUrl(text));
}

/** Converts `git@host:path`, `host/path` and `git+https://…` to URLs. */
export function gitUrl(text: string): string {
  const scp = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/.exec(text);
  if (scp !== null) return `ssh://${scp[1]}/${scp[2]}`;
  return text.includes('://') ? text.replace(/^git\+/, '') : `https://${text}`;
}

const ARCHIVE =
  /(?:\.(?:tgz|tbz2?|txz|tar(?:\.(?:gz|bz2|xz|zst))?|zip|jar|war|whl|rpm|deb|apk|qcow2|iso|img|gguf|safetensors|wasm)|\/index\.yaml)$/;

/** Reports whether a text is exactly the URL of a file whose only use is to be downloaded. */
export function isArchiveUrl(text: string): boolean {
  const isUrl = /^https?:\/\/[^\s"']+$/.test(text);
  return isUrl && (ARCHIVE.test(text) || ARCHIVE.test(textBefore(text, '?'))) && isRemote(text);
}

const DASHBOARD = /^https:\/\/grafana\.(?:com|net)\/api\/dashboards\//;

/** Reports whether a URL is that of a dashboard in Grafana's catalogue, which serves them by number. */
export function isDashboardUrl(url: string): boolean {
  return DASHBOARD.test(url);
}
