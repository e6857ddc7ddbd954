import { quoted } from '../../base/printable.ts';
import type { ListCollector, Variables } from '../content.ts';
import { MigrationRegistry } from '../migration/registry.ts';
import { type Kind, type Role, roleOf } from '../migration/roles.ts';
import { assignedName, type EnvironmentVariable, hasNoValue, readEnvironmentFile } from '../shell/environment.ts';
import { type Expansion, Values } from '../shell/values.ts';
import { listKind } from './shell-list.ts';

/** Variables that are named one by one, of those that are not taken. */
const MAX_NAMED = 100;

const UNQUOTED = 'of which a shell that sources the file takes some characters as its own: put it into single quotes';

const PROBLEMS = {
  'no assignment': ['the line is no assignment', 'write NAME=VALUE, or # before a comment'],
  'unclosed quote': [
    'a quote begins here and does not end',
    'close it, or put the value into quotes of the other kind',
  ],
} as const;

/** Kinds of variables that make a text the env file of a migration. */
const TELLING: ReadonlySet<Kind> = new Set(['host', 'user', 'password', 'token', 'organizations', 'repositories']);

/**
 * Reports whether a text is the env file of a migration between registries: mostly assignments, of which one says source or
 * destination, and no list of charts or images.
 */
export function isEnvFile(text: string): boolean {
  let [assignments, others, isTelling] = [0, 0, false];
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '' || words.startsWith('#') || hasNoValue(words)) continue;
    const name = assignedName(words);
    if (name === undefined) others += 1;
    else {
      if (listKind(name) !== undefined) return false;
      const { side, kind } = roleOf(name);
      isTelling ||= side !== undefined && TELLING.has(kind);
      assignments += 1;
    }
  }
  return isTelling && assignments >= others;
}

/**
 * Reads the env file of a migration: hosts, organizations, and which variables hold the logins. The values of passwords and tokens
 * are not taken, and no message has one. The file may be written for a shell or for `docker run --env-file`.
 */
export function readEnvFile(text: string, given: Variables, collector: ListCollector): void {
  new EnvFileReader(given, collector).read(text);
}

class EnvFileReader {
  readonly #collector: ListCollector;
  readonly #given: Variables;
  readonly #values: Values;
  readonly #source: MigrationRegistry;
  readonly #destination: MigrationRegistry;
  #left = 0;

  constructor(given: Variables, collector: ListCollector) {
    this.#collector = collector;
    this.#given = given;
    this.#values = new Values(given);
    this.#source = new MigrationRegistry('source', collector);
    this.#destination = new MigrationRegistry('destination', collector);
  }

  read(text: string): void {
    const { variables, problems } = readEnvironmentFile(text);
    for (const { line, reason } of problems) {
      const [what, hint] = PROBLEMS[reason];
      this.#collector.problem(line, what, hint);
    }
    for (const variable of variables) {
      const role = roleOf(variable.name);
      if (role.kind === 'password' || role.kind === 'token') this.#secret(variable, role.kind, role);
      else this.#plain(variable, role);
    }
    const [from, to] = [this.#source.registry, this.#destination.registry];
    const withoutPort = (host: string): string => host.replace(/:443$/, '');
    if (from !== undefined && to !== undefined && withoutPort(from.host) === withoutPort(to.host)) {
      const reason = `the destination ${quoted(to.host)} is also the source, in line ${from.line}`;
      this.#collector.problem(to.line, reason, 'name two registries');
    }
    this.#source.collect();
    this.#destination.collect();
  }

  #secret({ name, line, value, isUnquoted }: EnvironmentVariable, kind: 'password' | 'token', { side }: Role): void {
    if (side === undefined) this.#leave(line, withoutSide(name));
    else if (isEmpty(value)) this.#leave(line, `${name}, which is empty`);
    else {
      this.#registry(side).secret({ name, line }, kind);
      if (isUnquoted) this.#leave(line, `the value of ${name}, ${UNQUOTED}`);
    }
  }

  #plain(variable: EnvironmentVariable, { side, kind }: Role): void {
    const { name, line, value } = variable;
    this.#values.assign({ name, line, value, isAppended: false, isConditional: false });
    const { text, unknown } = this.#textOf(variable);
    if (kind === 'organizations' || kind === 'repositories') {
      if (side === 'destination') {
        this.#leave(
          line,
          `${name}: repositories keep their paths in the destination; "to" in airgap.yaml takes HOST/PREFIX`,
        );
      } else if (unknown !== undefined) this.#reportUnknown(name, line, unknown);
      else this.#source.repositories({ name, line }, text, kind === 'organizations');
    } else if (kind === 'verification') {
      this.#leave(
        line,
        `${name}: TLS is always verified; trust a private authority with --ca-file FILE, or caFile in airgap.yaml`,
      );
    } else if (kind === 'certificate') {
      this.#leave(line, `${name}: give the file of the authority with --ca-file FILE, or caFile in airgap.yaml`);
    } else if (kind === 'concurrency') {
      const number = /^[1-9]\d{0,3}$/.test(text) ? text : 'N';
      this.#leave(line, `${name}: write --concurrency ${number}`);
    } else if (kind === 'other') this.#leave(line, `${name}, for which airgap.yaml has no key`);
    else if (side === undefined) this.#leave(line, withoutSide(name));
    else if (kind === 'user') this.#user(variable, side);
    else if (unknown !== undefined) this.#reportUnknown(name, line, unknown);
    else if (kind === 'port') this.#port(name, line, text, side);
    else if (text !== '') this.#registry(side).host({ name, line }, text);
  }

  #user({ name, line, value }: EnvironmentVariable, side: NonNullable<Role['side']>): void {
    if (isEmpty(value)) this.#leave(line, `${name}, which is empty`);
    else this.#registry(side).user({ name, line });
  }

  #port(name: string, line: number, text: string, side: NonNullable<Role['side']>): void {
    if (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) < 65_536) this.#registry(side).port(text);
    else this.#collector.problem(line, `${name} is ${quoted(text)}, which is not a port`);
  }

  #textOf({ name, value }: EnvironmentVariable): {
    readonly text: string;
    readonly unknown?: Expansion['unknown'][number];
  } {
    const given = this.#given.get(name);
    if (given !== undefined) return { text: given };
    const { lines, unknown } = this.#values.expand(value);
    const [first] = unknown;
    return {
      text: lines
        .map((line) => line.text)
        .join('\n')
        .trim(),
      ...(first !== undefined && { unknown: first }),
    };
  }

  #reportUnknown(name: string, line: number, { source, reason }: Expansion['unknown'][number]): void {
    this.#collector.problem(line, `${name}: ${quoted(source)} ${reason}`, `give it with --var ${name}=VALUE`);
  }

  #registry(side: NonNullable<Role['side']>): MigrationRegistry {
    return side === 'source' ? this.#source : this.#destination;
  }

  #leave(line: number, what: string): void {
    this.#left += 1;
    if (this.#left <= MAX_NAMED) this.#collector.leave(line, what);
    else if (this.#left === MAX_NAMED + 1) this.#collector.leave(line, 'further variables from here on');
  }
}

function isEmpty(value: EnvironmentVariable['value']): boolean {
  return value.every((part) => part.kind === 'text' && part.text === '');
}

function withoutSide(name: string): string {
  return `${name}, which does not say whether it is about the source or the destination`;
}
