import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { compareText } from '../base/text-order.ts';
import type { RegistryAddresses } from './registry-addresses.ts';

/** Prefix of references, `host[:port]/namespace`, and the prefix that replaces it. */
export interface RegistryReplacement {
  readonly from: string;
  readonly to: string;
}

/** New names of namespaces by old ones. Other namespaces keep their names. */
export type RenamedNamespaces = ReadonlyMap<string, string>;

/**
 * Reads the values of `--rename-namespace OLD=NEW`.
 * @throws AirgapError `usage`, also for names that a second run would change again
 */
export function parseRenamedNamespaces(texts: readonly string[]): RenamedNamespaces {
  const renamed = new Map<string, string>();
  for (const text of texts) {
    const [from = '', to = '', ...rest] = text.split('=');
    const where = `--rename-namespace ${quoted(text)}`;
    if (from === '' || to === '' || rest.length > 0)
      throw new AirgapError('usage', `${where} is not OLD=NEW`, { hint: 'as in --rename-namespace shop=shop-new' });
    for (const name of [from, to]) checkName('namespace', name, where, 'usage');
    const earlier = renamed.get(from);
    if (earlier !== undefined && earlier !== to) {
      throw new AirgapError('usage', `--rename-namespace gives ${from} two names: ${earlier} and ${to}`, {
        hint: 'give each namespace once',
      });
    }
    renamed.set(from, to);
  }
  for (const [from, to] of renamed) {
    const next = renamed.get(to);
    if (from === to || next === undefined || next === to) continue;
    throw new AirgapError('usage', `--rename-namespace ${from}=${to} and ${to}=${next} form a chain`, {
      hint: 'a second run would rename what the first one renamed; rename to names that are not renamed themselves',
    });
  }
  return renamed;
}

/**
 * Returns the replacements of the source's registry by the destination's, for each namespace and each address of the source.
 * Internal addresses become the destination's internal address, since workloads run there; public hosts become its public
 * host, or its internal address if it has none. A prefix comes after longer ones that begin with it.
 */
export function registryReplacements(
  source: RegistryAddresses,
  destination: RegistryAddresses,
  namespaces: Iterable<string>,
  renamed: RenamedNamespaces = new Map(),
): RegistryReplacement[] {
  const [internal = ''] = destination.internal;
  const hosts = new Map<string, string>([
    ...source.routes.map((route) => [route, destination.route ?? internal] as const),
    ...source.internal.map((address) => [address, internal] as const),
  ]);
  const replacements = [...new Set(namespaces)].flatMap((namespace) =>
    [...hosts].map(([host, target]): RegistryReplacement => {
      return { from: `${host}/${namespace}`, to: `${target}/${renamed.get(namespace) ?? namespace}` };
    }),
  );
  // A text sorts before those that begin with it, unless something greater than any letter follows it.
  const key = ({ from }: RegistryReplacement): string => `${from}\uffff`;
  return replacements.filter(({ from, to }) => from !== to).sort((a, b) => compareText(key(a), key(b)));
}

/** Formats a replacement as `OLD=NEW`. */
export function formatReplacement({ from, to }: RegistryReplacement): string {
  return `${from}=${to}`;
}
