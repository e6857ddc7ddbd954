import { isListOfMappings, isMapping, type Mapping } from '../../base/mapping.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/type-meta.ts';

/** Returns the values of a variable that the script itself does not set. */
export type VariableLookup = (name: string) => readonly string[];

/** More combinations than any real script has. */
const MAX_COMBINATIONS = 20;
/** `${name}`, `${name:-fallback}`, `$name`, and `$(name)` as in the fields of a container. */
const VARIABLE = /\$(?:\{(\w+)(?::?[-=]([^{}]*))?\}|\((\w+)\)|(\w+))/;
const ALL_VARIABLES = new RegExp(VARIABLE, 'g');

/** Replaces the variables of a text by their values, else by their fallbacks. Unknown ones are left as they are. */
export function substituteVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    ALL_VARIABLES,
    (reference, braced?: string, fallback?: string, kubernetes?: string, bare?: string) =>
      variables.get(braced ?? kubernetes ?? bare ?? '') ?? (fallback || reference),
  );
}

/** Splits an expanded word as a shell does without quotes: a word that is only a variable may become several. */
export function shellWords(word: string, expanded: string): string[] {
  return /^\$(?:\w+|\{\w+\})$/.test(word) ? expanded.trim().split(/\s+/) : [expanded];
}

/** Shell variables of one script; a loop variable has several values. */
export class Variables {
  readonly #assigned = new Map<string, readonly string[]>();
  readonly #lookup: VariableLookup;

  constructor(lookup: VariableLookup) {
    this.#lookup = lookup;
  }

  /** Adds values: assignments in different branches are alternatives. */
  set(name: string, values: readonly string[]): void {
    const existing = this.#assigned.get(name) ?? [];
    this.#assigned.set(name, [...new Set([...existing, ...values])].slice(0, MAX_COMBINATIONS));
  }

  /** Returns the possible values of a variable, for a nested script. */
  valuesOf(name: string): readonly string[] {
    return (this.#assigned.get(name) ?? this.#lookup(name)).flatMap((value) => this.expand(value));
  }

  /** Returns every expansion of a text. Variables without a value are left as they are. */
  expand(text: string, depth = 0): string[] {
    const match = VARIABLE.exec(text);
    // Variables may refer to each other in a cycle, and no address is that long.
    if (match === null || depth > 3 || text.length > 4000) return [text];
    const [all, braced, fallback, kubernetes, bare] = match;
    const name = braced ?? kubernetes ?? bare ?? '';
    const knownValues = (this.#assigned.get(name) ?? this.#lookup(name)).filter((value) => !isUnknown(value, name));
    const defaults = fallback === undefined || fallback === '' ? [] : [fallback];
    const values = knownValues.length > 0 ? knownValues : defaults;
    const prefix = text.slice(0, match.index);
    const suffixes = this.expand(text.slice(match.index + all.length), depth);
    const expanded = values.length === 0 ? [all] : values.flatMap((value) => this.expand(value, depth + 1));
    return expanded.flatMap((value) => suffixes.map((suffix) => prefix + value + suffix)).slice(0, MAX_COMBINATIONS);
  }
}

/**
 * Reports whether a value is unknown: the output of a command, a variable in its own value, and the empty string that
 * scripts use for initialization.
 */
function isUnknown(value: string, name: string): boolean {
  return value === '' || /\$\((?:[^)\s$]|\$(?!\())*\s|`/.test(value) || new RegExp(`\\$[{(]?${name}\\b`).test(value);
}

/** Values in the same render that a container or script refers to. Computed on first use. */
export class ContainerContext {
  readonly #documents: readonly RenderedDocument[];
  #configMaps: Map<string, Mapping> | undefined;
  #variables: Map<string, Set<string>> | undefined;

  constructor(documents: readonly RenderedDocument[]) {
    this.#documents = documents;
  }

  /** Returns the environment of a container, including values from ConfigMaps. */
  environmentOf({ env, envFrom }: Mapping): Map<string, string> {
    const variables = new Map<string, string>();
    for (const source of Array.isArray(envFrom) ? envFrom : []) {
      const reference = isMapping(source) && isMapping(source.configMapRef) ? source.configMapRef : {};
      for (const [name, value] of Object.entries(this.#dataOf(reference.name))) variables.set(name, String(value));
    }
    for (const variable of Array.isArray(env) ? env.filter(isMapping) : []) {
      const value = variable.value ?? this.#configMapValue(variable.valueFrom);
      if (value !== undefined && value !== null) variables.set(String(variable.name), String(value));
    }
    return variables;
  }

  /** Lookup for scripts in ConfigMaps: the values that any container of the render gives the variable. */
  readonly lookupAnywhere: VariableLookup = (name) => {
    if (this.#variables === undefined) {
      this.#variables = new Map();
      for (const { object } of this.#documents.filter((document) => /\benv(?:From)?["']?:/.test(document.text))) {
        this.#collectVariables(object, this.#variables);
      }
    }
    return [...(this.#variables.get(name) ?? [])];
  };

  #collectVariables(value: unknown, variables: Map<string, Set<string>>): void {
    if (Array.isArray(value)) for (const item of value) this.#collectVariables(item, variables);
    if (!isMapping(value)) return;
    if (isListOfMappings(value.env)) {
      for (const [name, text] of this.environmentOf(value)) {
        variables.set(name, (variables.get(name) ?? new Set()).add(text));
      }
    }
    for (const item of Object.values(value)) this.#collectVariables(item, variables);
  }

  #configMapValue(valueFrom: unknown): unknown {
    const reference = isMapping(valueFrom) ? valueFrom.configMapKeyRef : undefined;
    return isMapping(reference) ? this.#dataOf(reference.name)[String(reference.key)] : undefined;
  }

  #dataOf(name: unknown): Mapping {
    this.#configMaps ??= new Map(
      this.#documents
        .filter((document) => kindOf(document) === 'ConfigMap')
        .map(({ object }) => [isMapping(object?.metadata) ? String(object.metadata.name) : '', dataOf(object)]),
    );
    return this.#configMaps.get(String(name)) ?? {};
  }
}

function dataOf(object: Mapping | undefined): Mapping {
  return isMapping(object?.data) ? object.data : {};
}
