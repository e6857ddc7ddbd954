import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

/** A schema as custom resource definitions have it. */
type Schema = { readonly [keyword: string]: unknown };

const KEEPS = 'x-kubernetes-preserve-unknown-fields';

/** A version of a custom resource definition. */
export interface CrdVersion {
  readonly file: string;
  readonly version: string;
}

/** Validates objects against the schemas of custom resource definitions, of which unknown fields are errors. */
export class CrdSchemas {
  readonly #validators: ReadonlyMap<string, ValidateFunction>;

  /** @param definitions by kind */
  constructor(definitions: Readonly<Record<string, CrdVersion>>) {
    // The formats are int32 and int64, of which Ajv knows nothing.
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    this.#validators = new Map(
      Object.entries(definitions).map(([kind, { file, version }]) => {
        const { versions } = parse(readFileSync(file, 'utf8')).spec as {
          versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
        };
        const schema = versions.find(({ name }) => name === version)?.schema.openAPIV3Schema;
        if (schema === undefined) throw new Error(`${file} has no version ${version}`);
        return [kind, ajv.compile(closed(schema, true))];
      }),
    );
  }

  /** Returns what is wrong with an object; empty if nothing is. */
  problems(object: { readonly kind: string }): string[] {
    const validate = this.#validators.get(object.kind);
    if (validate === undefined) return [`unknown kind ${object.kind}`];
    if (validate(object)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}

/** Returns the schema with fields closed, as the API server takes it with `fieldValidation=Strict`. */
function closed(schema: Schema, isRoot = false): Schema {
  const { properties, items, additionalProperties, ...rest } = schema;
  const isClosed = properties !== undefined && additionalProperties === undefined && schema[KEEPS] !== true;
  const fields = Object.entries((properties ?? {}) as Record<string, Schema>)
    // The definition leaves the metadata to the API server.
    .filter(([name]) => !(isRoot && name === 'metadata'))
    .map(([name, field]) => [name, closed(field)]);
  return {
    ...rest,
    ...(properties !== undefined && {
      properties: { ...(isRoot && TYPE), ...Object.fromEntries(fields), ...(isRoot && { metadata: METADATA }) },
    }),
    ...(items !== undefined && { items: closed(items as Schema) }),
    ...(isClosed ? { additionalProperties: false } : additionalFields(additionalProperties)),
  };
}

function additionalFields(schema: unknown): Schema {
  if (schema === undefined || typeof schema === 'boolean')
    return schema === undefined ? {} : { additionalProperties: schema };
  return { additionalProperties: closed(schema as Schema) };
}

/** Fields of every object, which some definitions leave out. */
const TYPE = { apiVersion: { type: 'string' }, kind: { type: 'string' } };

/** What people write of metadata. */
const METADATA = {
  type: 'object',
  properties: Object.fromEntries(
    ['name', 'generateName', 'namespace', 'labels', 'annotations'].map((name) => [name, {}]),
  ),
  additionalProperties: false,
};
