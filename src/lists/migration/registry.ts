import { quoted } from '../../base/printable.ts';
import type { ListCollector } from '../content.ts';
import { parseRegistryAddress, type RegistryAddress } from './address.ts';
import type { Side } from './roles.ts';

/** Repositories of a registry: paths and patterns in lower case, as registries name them. */
const PATTERN = /^[a-z0-9*][a-z0-9._/*-]{0,254}$/;

interface NamedVariable {
  readonly name: string;
  readonly line: number;
}

/** What an env file says about one of the registries of a migration. Secrets are known by the names of their variables only. */
export class MigrationRegistry {
  readonly #side: Side;
  readonly #collector: ListCollector;
  #host: (NamedVariable & { readonly address: RegistryAddress }) | undefined;
  #port = '';
  #user: NamedVariable | undefined;
  #secret: (NamedVariable & { readonly kind: 'password' | 'token' }) | undefined;
  readonly #patterns: string[] = [];
  /** The first variable about this registry. */
  #first: NamedVariable | undefined;

  constructor(side: Side, collector: ListCollector) {
    this.#side = side;
    this.#collector = collector;
  }

  /** Takes an address. Two addresses of one registry may be spelled differently. */
  host(variable: NamedVariable, text: string): void {
    const { name, line } = variable;
    const address = parseRegistryAddress(text);
    if (typeof address === 'string') {
      this.#collector.problem(line, `${name} ${address}`, 'write HOST or HOST:PORT');
      this.#first ??= variable;
      this.#host ??= { ...variable, address: { registry: '', path: '', isPlainHttp: false } };
      return;
    }
    const other = this.#host;
    if (other === undefined || other.address.registry === '') {
      this.#host = { ...variable, address };
      if (address.isPlainHttp) {
        const remedy = 'the registry is asked with TLS; if it has none, name it in plainHttp';
        this.#collector.leave(line, `http:// of ${name}: ${remedy}`);
      }
    } else if (other.address.registry !== address.registry || other.address.path !== address.path) {
      const reason = `${name} names another ${this.#side} than ${other.name} in line ${other.line}`;
      this.#collector.problem(
        line,
        reason,
        'keep one of them, or import each pair of registries from a file of its own',
      );
    }
  }

  port(text: string): void {
    this.#port = text;
  }

  user(variable: NamedVariable): void {
    this.#user = this.#only(this.#user, variable);
  }

  secret(variable: NamedVariable, kind: 'password' | 'token'): void {
    this.#secret = this.#only(this.#secret, { ...variable, kind });
  }

  /** Takes organizations or repositories, separated by spaces or commas. */
  repositories(variable: NamedVariable, text: string, areOrganizations: boolean): void {
    const { name, line } = variable;
    for (const word of text.split(/[\s,;]+/).filter((one) => one !== '')) {
      if (!PATTERN.test(word)) {
        const what = areOrganizations ? 'an organization' : 'a repository';
        this.#collector.problem(line, `${name} has ${quoted(word)}, which is not the name of ${what}`);
        continue;
      }
      this.#first ??= variable;
      this.#patterns.push(areOrganizations && !/[/*]/.test(word) ? `${word}/*` : word);
    }
  }

  /** Returns the address; undefined if no variable has one. */
  get registry(): { readonly host: string; readonly line: number } | undefined {
    if (this.#host === undefined || this.#host.address.registry === '') return undefined;
    const { address, line } = this.#host;
    const { registry } = address;
    return { host: this.#port === '' || /:\d+$/.test(registry) ? registry : `${registry}:${this.#port}`, line };
  }

  /** Adds the registry and its login to the collector. */
  collect(): void {
    const { registry } = this;
    const first = this.#first ?? this.#user ?? this.#secret;
    if (registry === undefined) {
      if (first !== undefined && this.#host === undefined) this.#reportMissingHost(first);
      return;
    }
    const { host, line } = registry;
    const path = this.#host?.address.path ?? '';
    if (this.#side === 'destination') this.#collector.target(path === '' ? host : `${host}/${path}`, line);
    else {
      const below =
        path === ''
          ? this.#patterns
          : (this.#patterns.length === 0 ? ['*'] : this.#patterns).map((one) => `${path}/${one}`);
      this.#collector.registry(host, [...new Set(below)], line);
    }
    this.#login(host);
  }

  #login(registry: string): void {
    const [user, secret] = [this.#user, this.#secret];
    if (user !== undefined && secret !== undefined) {
      this.#collector.login({ registry, username: user.name, password: secret.name }, secret.line);
    } else if (secret?.kind === 'token') this.#collector.login({ registry, token: secret.name }, secret.line);
    else if (secret !== undefined)
      this.#collector.leave(secret.line, `${secret.name}: no variable names the user of the ${this.#side}`);
    else if (user !== undefined)
      this.#collector.leave(user.line, `${user.name}: no variable has a password or token for the ${this.#side}`);
  }

  #reportMissingHost({ name, line }: NamedVariable): void {
    if (this.#side === 'source') {
      const hint = 'add a line such as SOURCE_URL=registry.example.com';
      this.#collector.problem(line, `${name} is about a source, whose host no variable names`, hint);
    } else {
      this.#collector.leave(
        line,
        `${name}: no variable names the host of the destination; add it to airgap.yaml as "to"`,
      );
    }
  }

  #only<T extends NamedVariable>(known: T | undefined, variable: T): T {
    if (known === undefined || known.name === variable.name) return known ?? variable;
    const { name, line } = variable;
    this.#collector.leave(
      line,
      `${name}: the login for the ${this.#side} is that of ${known.name} in line ${known.line}`,
    );
    return known;
  }
}
