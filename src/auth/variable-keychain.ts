import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { keepSecret } from '../base/redact.ts';
import { normaliseKey } from './auth-file.ts';
import type { Credential } from './credential.ts';
import type { Keychain } from './keychain.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `AIRGAP_AUTH_REGISTRY_EXAMPLE_5000` for `registry.example:5000`. */
function prefixOf(host: string): string {
  return `AIRGAP_AUTH_${host.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/**
 * Credentials from `AIRGAP_AUTH_<HOST>_USERNAME` and `_PASSWORD`, or `_TOKEN`, a bearer token that the registry takes as
 * it is; HOST in capitals, with `_` for all other characters. Empty variables count as unset.
 *
 * Several hosts have the same name then, and a chart can name any host. `_` stands for a dot, or for the colon before a
 * port, unless the user has named a host that fits, or says in `AIRGAP_AUTH_<HOST>_HOST` which one is meant. Where that
 * leaves a doubt nothing is sent: `lookup` throws AirgapError `config`, as it does for a pair that is not complete.
 * @param named registries that the user has named: targets, mirrors, hosts of charts and images on the command line
 */
export function variableKeychain(env: Environment, named: readonly string[]): Keychain {
  for (const [name, value] of Object.entries(env)) {
    if (/^AIRGAP_AUTH_\w+_(?:PASSWORD|TOKEN)$/.test(name)) keepSecret(value ?? '');
  }
  const hosts = new Set(named.map(normaliseKey));
  return {
    async lookup(registry) {
      const host = normaliseKey(registry);
      // Hosts of charts that Helm pulls may be anything: `a_b.example` is not the `a.b.example` whose name it has here.
      if (!isName('registry', host)) return undefined;
      const prefix = prefixOf(host);
      const value = (suffix: string): string => env[`${prefix}_${suffix}`] ?? '';
      if (value('USERNAME') === '' && value('PASSWORD') === '' && value('TOKEN') === '') return undefined;
      if (value('HOST') === '') {
        const other = otherThan(host, prefix, hosts);
        if (other !== undefined) throw ambiguous(prefix, host, other);
      } else if (normaliseKey(value('HOST')) !== host) return undefined;
      return credentialOf(prefix, host, value);
    },
    sources(registry) {
      const host = normaliseKey(registry);
      const prefix = prefixOf(host);
      const meant = env[`${prefix}_HOST`] ?? '';
      const isOthers = meant !== '' && normaliseKey(meant) !== host;
      return [
        isOthers ? `${prefix}_USERNAME (which ${prefix}_HOST gives to ${meant.slice(0, 300)})` : `${prefix}_USERNAME`,
      ];
    },
  };
}

/** A host that variables can be meant for as well as for this one; undefined when there is no doubt. */
function otherThan(host: string, prefix: string, named: ReadonlySet<string>): string | undefined {
  const fitting = [...named].filter((one) => prefixOf(one) === prefix);
  if (fitting.length > 0) return fitting.find((one) => one !== host);
  return host.includes('-') ? host.replaceAll('-', '.') : undefined;
}

function ambiguous(prefix: string, host: string, other: string): AirgapError {
  return new AirgapError('config', `${prefix}_… can be meant for ${host} or for ${other}, and is sent to neither`, {
    hint: `say which one: ${prefix}_HOST=${host}`,
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
          hint: 'a bearer token stands alone; a personal access token goes into _PASSWORD, beside _USERNAME',
        },
      );
    }
    return {
      kind: 'registry-token',
      token,
      source: `from ${prefix}_TOKEN`,
      remedy: `correct ${prefix}_TOKEN: a bearer token that ${host} takes as it is; a personal access token goes into _PASSWORD, beside _USERNAME`,
    };
  }
  if (username === '' || password === '') {
    const [has, lacks] = username === '' ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD'];
    throw new AirgapError('config', `${prefix}_${has} is set for ${host}, and ${prefix}_${lacks} is empty or not set`, {
      hint: 'set both; CI systems leave a secret empty where a run may not have it, as for a fork',
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
