import { canonicalHubName } from '../../base/docker-hub.ts';
import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { textBefore, trimTrailing } from '../../base/text-trim.ts';

/** Address of a registry, with a path below it. */
export interface RegistryAddress {
  readonly registry: string;
  /** Empty without one. */
  readonly path: string;
  /** Written with `http://`. */
  readonly isPlainHttp: boolean;
}

/** Parses `[https://]HOST[:PORT][/PATH]`. @returns what is wrong with it, for a sentence that begins with the variable */
export function parseRegistryAddress(text: string): RegistryAddress | string {
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]{0,20}:\/\//.exec(text)?.[0] ?? '';
  const rest = trimTrailing(text.slice(scheme.length), '/');
  const registry = textBefore(rest, '/');
  // A login would be printed. Its password may have a slash.
  if (rest.includes('@')) return 'has a login in the address';
  if (!isName('registry', registry) || !/^(?:(?:https?|docker|oci):\/\/)?$/i.test(scheme))
    return `is ${quoted(text)}, which is not the host of a registry`;
  const path = rest.slice(registry.length + 1).replace(/^v[12]$/, '');
  if (path !== '' && (!isName('repository', path) || /^https?:/i.test(scheme)))
    return `is ${quoted(text)}, an address with a path`;
  return { registry: canonicalHubName(registry.toLowerCase()), path, isPlainHttp: /^http:/i.test(scheme) };
}
