import { AirgapError } from '../base/errors.ts';
import { trimBothEnds } from '../base/text-trim.ts';
import { wildcard } from '../base/wildcard.ts';
import { formatRepository, type Repository, tryParseRepository } from '../oci/reference.ts';

/** Overrides the naming for some repositories. */
export interface NamingRule {
  /** Repository pattern such as `quay.io/org/*`; short Docker Hub names are allowed. */
  readonly match: string;
  /** Template of the path after the prefix. */
  readonly to: string;
}

/** Templates of the named namings; see docs/naming.md. */
const NAMED_TEMPLATES: Readonly<Record<string, string>> = {
  'host-path': '{host}/{path}',
  path: '{path}',
  name: '{name}',
  'as-written': '{written}',
  'single-repository': '',
};

/** Names of the predefined namings. */
export const NAMINGS: readonly string[] = Object.keys(NAMED_TEMPLATES);

const PLACEHOLDER = /\{(\w*)\}/g;
const PLACEHOLDERS: ReadonlySet<string> = new Set(['host', 'path', 'folder', 'name', 'written']);
const SAMPLE_REPOSITORY: Repository = { registry: 'reg.example:5000', path: 'org/app' };

/**
 * Returns the template of a naming, which is given by name or as a template: text with `{host}` (a port becomes
 * `-PORT`), `{path}`, `{folder}` (path without its last component), `{name}` (last component) and `{written}` (as in
 * the charts).
 * @param origin flag or key that names it, for messages
 * @throws AirgapError `usage`
 */
export function namingTemplate(naming: string, origin = '--naming'): string {
  const named = NAMED_TEMPLATES[naming];
  if (named !== undefined) return named;
  if (naming.includes('{')) return checkTemplate(naming, origin);
  throw invalidSetting(
    origin,
    ` ${naming}: unknown naming`,
    `use ${NAMINGS.join(', ')}, or write a template such as '{host}/{path}'`,
  );
}

/**
 * Checks a template.
 * @throws AirgapError `usage` for an unknown placeholder, or if the result is not a valid repository name
 */
function checkTemplate(template: string, flag: string): string {
  const unknown = [...template.matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .find((name) => !PLACEHOLDERS.has(name));
  const sample = tryParseRepository(`reg.example/${fillTemplate(template, SAMPLE_REPOSITORY, undefined) || 'x'}`);
  if (unknown === undefined && sample !== undefined) return template;
  const reason =
    unknown === undefined ? 'the result is not a valid repository name' : `unknown placeholder {${unknown}}`;
  throw invalidSetting(
    flag,
    ` ${template}: ${reason}`,
    `use {${[...PLACEHOLDERS].join('}, {')}}, lower-case letters, digits and slashes`,
  );
}

/** Returns the error for a setting. @param origin flag, or key of a configuration file */
export function invalidSetting(origin: string, problem: string, hint: string): AirgapError {
  return new AirgapError(origin.startsWith('--') ? 'usage' : 'config', `${origin}${problem}`, { hint });
}

/** Reports whether a template contains `{written}`. */
export function usesWrittenName(template: string): boolean {
  return template.includes('{written}');
}

/** Fills a template for a repository. The result has no leading or trailing slashes and may be empty. */
export function fillTemplate(template: string, source: Repository, written: string | undefined): string {
  const host = hostComponent(source.registry);
  const last = source.path.lastIndexOf('/');
  const placeholders: Readonly<Record<string, string>> = {
    host,
    path: source.path,
    folder: last < 0 ? '' : source.path.slice(0, last),
    name: source.path.slice(last + 1),
    written: written ?? `${host}/${source.path}`,
  };
  const filled = template.replace(PLACEHOLDER, (whole, name: string) => placeholders[name] ?? whole);
  return trimBothEnds(filled.replace(/\/{2,}/g, '/'), '/');
}

/** Formats a registry host as a path component. A port becomes `-PORT`, since paths have no colons. */
export function hostComponent(registry: string): string {
  return registry.toLowerCase().replace(/[[\]]/g, '').replaceAll(':', '-').replace(/^-+/, '');
}

/**
 * Parses the `MATCH=TEMPLATE` of `--naming-rule`.
 * @throws AirgapError `usage`
 */
export function parseNamingRule(text: string): NamingRule {
  const separator = text.indexOf('=');
  if (separator < 1) {
    throw new AirgapError('usage', `--naming-rule ${text} is not MATCH=TEMPLATE`, {
      hint: "as in --naming-rule 'quay.io/strimzi/*=strimzi/{name}'",
    });
  }
  return checkNamingRule({ match: text.slice(0, separator), to: text.slice(separator + 1) }, '--naming-rule');
}

/**
 * Returns the rule with a checked template, which may also be the name of a naming.
 * @param flag flag or file that the rule is from, for the error
 * @throws AirgapError `usage`
 */
export function checkNamingRule({ match, to }: NamingRule, flag: string): NamingRule {
  return { match, to: NAMED_TEMPLATES[to] ?? checkTemplate(to, flag) };
}

/** Returns the template of the first rule that matches a repository. */
export function ruleTemplate(rules: readonly NamingRule[], source: Repository): string | undefined {
  const name = formatRepository(source);
  const familiar = name.replace(/^docker\.io\/(?:library\/)?/, '');
  return rules.find(({ match }) => {
    const glob = wildcard(match);
    return glob.test(name) || glob.test(familiar);
  })?.to;
}

/** Joins paths of which each may be empty. */
export function joinPath(prefix: string, path: string): string {
  return [prefix, path].filter((part) => part !== '').join('/');
}
