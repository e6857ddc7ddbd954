import { AirgapError } from '../base/errors.ts';
import { withoutEnds } from '../base/text-ends.ts';
import { wildcard } from '../base/wildcard.ts';
import { formatRepository, type Repository, tryParseRepository } from './reference.ts';

/** Where one kind of images goes, whatever the naming says of the others. */
export interface NamingRule {
  /** A repository as `quay.io/org/app`, short as Docker's are, with `*` for anything. */
  readonly match: string;
  /** A template of what comes after the prefix. */
  readonly to: string;
}

/** The namings by their names, as templates; docs/naming.md describes them. */
const NAMED: Readonly<Record<string, string>> = {
  'host-path': '{host}/{path}',
  path: '{path}',
  name: '{name}',
  'as-written': '{written}',
  'single-repository': '',
};

/** The namings that have a name. */
export const NAMINGS: readonly string[] = Object.keys(NAMED);

const PLACEHOLDER = /\{(\w*)\}/g;
const KNOWN: ReadonlySet<string> = new Set(['host', 'path', 'folder', 'name', 'written']);
const SAMPLE: Repository = { registry: 'reg.example:5000', path: 'org/app' };

/**
 * The template of a naming, given by its name or as a template: text with `{host}` (a port becomes `-PORT`), `{path}`,
 * `{folder}` and `{name}` (the path up to its last component, and that component), and `{written}` (as the charts have it).
 * @throws AirgapError `usage`
 */
export function namingTemplate(naming: string): string {
  const named = NAMED[naming];
  if (named !== undefined) return named;
  if (naming.includes('{')) return checked(naming, '--naming');
  throw new AirgapError('usage', `--naming ${naming}: there is no such naming`, {
    hint: `choose ${NAMINGS.join(', ')}, or write a template such as '{host}/{path}'`,
  });
}

/** @throws AirgapError `usage` for a template that asks for what there is not, or gives no name of a repository */
function checked(template: string, flag: string): string {
  const unknown = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name).find((name) => !KNOWN.has(name));
  const sample = tryParseRepository(`reg.example/${fillTemplate(template, SAMPLE, undefined) || 'x'}`);
  if (unknown === undefined && sample !== undefined) return template;
  const why = unknown === undefined ? 'it gives no name of a repository' : `{${unknown}} stands for nothing`;
  throw new AirgapError('usage', `${flag} ${template}: ${why}`, {
    hint: `use {${[...KNOWN].join('}, {')}}, lower-case letters, digits and slashes`,
  });
}

/** Whether a template needs to know how charts write a reference. */
export function needsWritten(template: string): boolean {
  return template.includes('{written}');
}

/** What a template gives for a repository, without slashes at its ends; may be empty. */
export function fillTemplate(template: string, source: Repository, written: string | undefined): string {
  const host = hostComponent(source.registry);
  const last = source.path.lastIndexOf('/');
  const parts: Readonly<Record<string, string>> = {
    host,
    path: source.path,
    folder: last < 0 ? '' : source.path.slice(0, last),
    name: source.path.slice(last + 1),
    written: written ?? `${host}/${source.path}`,
  };
  const filled = template.replace(PLACEHOLDER, (whole, name: string) => parts[name] ?? whole);
  return withoutEnds(filled.replace(/\/{2,}/g, '/'), '/');
}

/** A registry host as one component of a path. A port becomes `-PORT`: a path has no colon, and no part of it begins with a dash. */
export function hostComponent(registry: string): string {
  return registry.toLowerCase().replace(/[[\]]/g, '').replaceAll(':', '-').replace(/^-+/, '');
}

/**
 * Reads `MATCH=TEMPLATE`, as given to `--naming-rule`.
 * @throws AirgapError `usage`
 */
export function parseNamingRule(text: string): NamingRule {
  const at = text.indexOf('=');
  if (at < 1) {
    throw new AirgapError('usage', `--naming-rule ${text} is not MATCH=TEMPLATE`, {
      hint: "as in --naming-rule 'quay.io/strimzi/*=strimzi/{name}'",
    });
  }
  return namingRule({ match: text.slice(0, at), to: text.slice(at + 1) }, '--naming-rule');
}

/**
 * A rule whose template is known to be one. The names of namings are templates here too.
 * @param flag where it was written, for the error
 * @throws AirgapError `usage`
 */
export function namingRule({ match, to }: NamingRule, flag: string): NamingRule {
  return { match, to: NAMED[to] ?? checked(to, flag) };
}

/** The template of the first rule that is meant for a repository. */
export function ruleFor(rules: readonly NamingRule[], source: Repository): string | undefined {
  const name = formatRepository(source);
  const familiar = name.replace(/^docker\.io\/(?:library\/)?/, '');
  return rules.find(({ match }) => {
    const glob = wildcard(match);
    return glob.test(name) || glob.test(familiar);
  })?.to;
}
