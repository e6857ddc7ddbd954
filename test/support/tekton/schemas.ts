import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { withoutGo } from '../go.ts';
import type { TektonObject } from './objects.ts';

const module = join(import.meta.dirname, '../../../fixtures/programs/tekton');

/** Folder of the module that fixtures/programs/tekton pins, or why it is not here. Nothing is compiled. */
export function tektonModule(): { readonly folder: string } | { readonly missing: string } {
  const withoutModules = withoutGo();
  if (withoutModules !== undefined) return { missing: withoutModules };
  const { status, stdout, stderr } = spawnSync('go', ['mod', 'download', '-json', 'github.com/tektoncd/pipeline'], {
    cwd: module,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === 0) return { folder: JSON.parse(stdout).Dir };
  return { missing: `Go cannot fetch Tekton: ${`${stdout}${stderr}`.trim().split('\n').at(-1)}` };
}

/** A schema as custom resource definitions have it. */
type Schema = { readonly [keyword: string]: unknown };

const KEEPS = 'x-kubernetes-preserve-unknown-fields';

/** Validates objects against the schemas of Tekton's custom resource definitions, of which unknown fields are errors. */
export class TektonSchemas {
  readonly #validators: ReadonlyMap<TektonObject['kind'], ValidateFunction>;

  /** @param folder of the module */
  constructor(folder: string) {
    // The formats are int32 and int64, of which Ajv knows nothing.
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    this.#validators = new Map(
      (['Task', 'Pipeline', 'PipelineRun'] as const).map((kind) => {
        const file = join(folder, 'config/300-crds', `300-${kind.toLowerCase()}.yaml`);
        const { versions } = parse(readFileSync(file, 'utf8')).spec as {
          versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
        };
        const schema = versions.find(({ name }) => name === 'v1')?.schema.openAPIV3Schema ?? {};
        return [kind, ajv.compile(closed(schema, true))];
      }),
    );
  }

  /** Returns what is wrong with an object; empty if nothing is. */
  problems(object: TektonObject): string[] {
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
      properties: { ...Object.fromEntries(fields), ...(isRoot && { metadata: METADATA }) },
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

/** What people write of metadata. */
const METADATA = {
  type: 'object',
  properties: Object.fromEntries(
    ['name', 'generateName', 'namespace', 'labels', 'annotations'].map((name) => [name, {}]),
  ),
  additionalProperties: false,
};
