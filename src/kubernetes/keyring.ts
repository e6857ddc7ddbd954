import type { Credential } from '../auth/keychain.ts';
import { compareText } from '../base/text-order.ts';
import { type NameTest, wildcard } from '../base/wildcard.ts';

/**
 * Finds the login of a pull secret for an image as the kubelet does. Its rules differ from Docker's: an entry may be a
 * pattern, and its path is a prefix of the image's, also within a name.
 *
 * Source: kubernetes v1.34.4, pkg/credentialprovider/keyring.go (`BasicDockerKeyring.Add`, `Lookup`, `URLsMatch`,
 * `isDefaultRegistryMatch`). The kubelet looks up the normalized name without tag (pkg/kubelet/images/image_manager.go),
 * so Docker Hub is `docker.io`.
 */
export class Keyring {
  /** The most specific first, as in the kubelet: the reverse order of the texts. */
  readonly #entries: readonly KeyringEntry[];

  /** @param logins entries in their order, by key: a host or URL, with a port and a path or not; the host may be a pattern */
  constructor(logins: readonly (readonly [key: string, credential: Credential])[]) {
    this.#entries = logins
      .flatMap(([key, credential]) => {
        const place = parseKey(key);
        return place === undefined ? [] : [{ ...place, credential }];
      })
      // Stable: of two spellings of one place, the first in the file. The kubelet's own order of those is random.
      .sort((a, b) => compareText(b.text, a.text));
  }

  /**
   * Returns the login for a repository. The kubelet would try all that match, one after the other; this is its first.
   * @param registry host with optional port, `docker.io` for Docker Hub
   * @param path of the repository; empty for the registry as a whole, which no entry with a path matches
   */
  find(registry: string, path: string): Credential | undefined {
    const target = splitHost(registry);
    const image = { ...target, path: path === '' ? '' : `/${path}` };
    const found = this.#entries.find((entry) => matches(entry, image));
    if (found !== undefined) return found.credential;
    if (registry !== 'docker.io' && registry !== HUB_HOST) return undefined;
    return this.#entries.find(({ text }) => text === HUB_HOST)?.credential;
  }
}

const HUB_HOST = 'index.docker.io';

/** Host in parts between dots, port, and path with its first slash. */
interface Place {
  readonly labels: readonly string[];
  readonly port: string;
  readonly path: string;
}

interface KeyringEntry {
  readonly patterns: readonly NameTest[];
  readonly port: string;
  readonly path: string;
  /** Host, port and path: the kubelet's index. */
  readonly text: string;
  readonly credential: Credential;
}

/** Returns undefined for a key that the kubelet ignores, because Go's url.Parse refuses it. */
function parseKey(key: string): Omit<KeyringEntry, 'credential'> | undefined {
  const [, rest = ''] = /^(?:https?:\/\/)?([\s\S]*)$/.exec(key) ?? [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go refuses control characters in a URL
  if (/[\u0000-\u001f\u007f]/.test(rest)) return undefined;
  const end = rest.search(/[?#]/);
  const address = end < 0 ? rest : rest.slice(0, end);
  const slash = address.indexOf('/');
  const authority = slash < 0 ? address : address.slice(0, slash);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const path = effectivePath(slash < 0 ? '' : address.slice(slash));
  if (!HOST.test(host)) return undefined;
  const { labels, port } = splitHost(host);
  return { patterns: labels.map(wildcard), port, path, text: `${host}${path}` };
}

/**
 * What Go's url.Parse takes as a host with an optional port: an address in brackets, or a name. Older versions of Go also
 * take brackets within a name, which then are a set of characters for the kubelet; such a key matches nothing here.
 */
const HOST = /^(?:\[[^\][\s]*\]|[^\s:%\\^`{|}[\]]*)(?::\d*)?$/;

/** Drops the API version with which Docker writes its keys, and a path that is only a slash. */
function effectivePath(path: string): string {
  const shortened = path.startsWith('/v1/') || path.startsWith('/v2/') ? path.slice(3) : path;
  return shortened === '/' ? '' : shortened;
}

function splitHost(host: string): Pick<Place, 'labels' | 'port'> {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(host) ?? [];
  return { labels: (bracketed ?? plain).split('.'), port };
}

/** Compares host by host part: a star stands for any text without a dot. */
function matches(entry: KeyringEntry, image: Place): boolean {
  return (
    entry.port === image.port &&
    entry.patterns.length === image.labels.length &&
    image.path.startsWith(entry.path) &&
    entry.patterns.every((pattern, index) => pattern.test(image.labels[index] ?? ''))
  );
}
