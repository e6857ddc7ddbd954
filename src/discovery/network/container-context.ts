import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/type-meta.ts';
import { isListOfMappings, isMapping, type Mapping } from '../named-value.ts';
import type { VariableLookup } from './variables.ts';

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
