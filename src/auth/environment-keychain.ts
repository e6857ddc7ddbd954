import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { registerSecret } from '../base/redact.ts';
import { type Credential, type Keychain, normalizeKey } from './keychain.ts';

/** Returns `AIRGAP_AUTH_REGISTRY_EXAMPLE_5000` for `registry.example:5000`. */
function prefixOf(host: string): string {
  return `AIRGAP_AUTH_${host.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/**
 * Creates a keychain for `AIRGAP_AUTH_<HOST>_USERNAME` and `_PASSWORD`, or `_TOKEN`, a bearer token to send as is. HOST
 * is in capitals, with `_` for all other characters. Empty variables count as unset.
 *
 * Several hosts can map to the same variables, and a chart can contain any host. `_` means a dot, or the colon before a
 * port, unless the user named a matching host or selects one with `AIRGAP_AUTH_<HOST>_HOST`. If the host is still
 * ambiguous, nothing is sent: `lookup` throws AirgapError `config`, as for an incomplete pair.
 * @param named registries that the user has named: targets, mirrors, hosts of charts and images on the command line
 */
export function environmentKeychain(env: Environment, named: readonly string[]): Keychain {
  for (const [name, value] of Object.entries(env)) {
    if (/^AIRGAP_AUTH_\w+_(?:PASSWORD|TOKEN)$/.test(name)) registerSecret(value ?? '');
  }
  const hosts = new Set(named.map(normalizeKey));
  return {
    async lookup(registry) {
      const host = normalizeKey(registry);
      // A chart can contain invalid hosts: `a_b.example` must not get the variables of `a.b.example`.
      if (!isName('registry', host)) return undefined;
      const prefix = prefixOf(host);
      const value = (suffix: string): string => env[`${prefix}_${suffix}`] ?? '';
      if (value('USERNAME') === '' && value('PASSWORD') === '' && value('TOKEN') === '') return undefined;
      if (value('HOST') === '') {
        const other = otherCandidate(host, prefix, hosts);
        if (other !== undefined) throw ambiguousError(prefix, host, other);
      } else if (normalizeKey(value('HOST')) !== host) return undefined;
      return credentialOf(prefix, host, value);
    },
    sources(registry) {
      const host = normalizeKey(registry);
      const prefix = prefixOf(host);
      const assignedHost = env[`${prefix}_HOST`] ?? '';
      const isForOtherHost = assignedHost !== '' && normalizeKey(assignedHost) !== host;
      return [
        isForOtherHost
          ? `${prefix}_USERNAME (which ${prefix}_HOST assigns to ${assignedHost.slice(0, 300)})`
          : `${prefix}_USERNAME`,
      ];
    },
  };
}

/** Returns another host that the variables may be meant for; undefined when they are unambiguous. */
function otherCandidate(host: string, prefix: string, named: ReadonlySet<string>): string | undefined {
  const candidates = [...named].filter((candidate) => prefixOf(candidate) === prefix);
  if (candidates.length > 0) return candidates.find((candidate) => candidate !== host);
  return host.includes('-') ? host.replaceAll('-', '.') : undefined;
}

function ambiguousError(prefix: string, host: string, other: string): AirgapError {
  return new AirgapError('config', `${prefix}_... may be meant for ${host} or ${other}, and was not sent to either`, {
    hint: `select the host, for example with ${prefix}_HOST=${host}`,
  });
}

function credentialOf(prefix: string, host: string, value: (suffix: string) => string): Credential {
  const [username, password, token] = [value('USERNAME'), value('PASSWORD'), value('TOKEN')];
  if (token !== '') {
    if (username !== '' || password !== '') {
      throw new AirgapError(
        'config',
        `${prefix}_TOKEN and ${prefix}_${username === '' ? 'PASSWORD' : 'USERNAME'} are both set for ${host}`,
        {
          hint: 'set only _TOKEN for a bearer token; a personal access token goes into _PASSWORD, with _USERNAME',
        },
      );
    }
    return {
      kind: 'registry-token',
      token,
      source: `from ${prefix}_TOKEN`,
      remedy: `correct ${prefix}_TOKEN: a bearer token that ${host} accepts as is; a personal access token goes into _PASSWORD, with _USERNAME`,
    };
  }
  if (username === '' || password === '') {
    const [has, lacks] = username === '' ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD'];
    throw new AirgapError('config', `${prefix}_${has} is set for ${host}, but ${prefix}_${lacks} is empty or not set`, {
      hint: 'set both; CI systems may leave secrets empty, for example in runs for a fork',
    });
  }
  return {
    kind: 'basic',
    username,
    password,
    source: `from ${prefix}_USERNAME and _PASSWORD`,
    remedy: `correct ${prefix}_USERNAME and ${prefix}_PASSWORD`,
  };
}
