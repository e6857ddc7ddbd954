import * as z from 'zod';
import { exportedInventorySchema } from '../../inventory/exported-inventory.ts';
import { lockFileSchema } from '../../inventory/lock-file.ts';
import { configSchema } from './schema.ts';

/** Documents that have a JSON Schema, by the name of the command line; the file that a checkout keeps it in. */
const DOCUMENTS = {
  config: { kind: 'Config', title: 'airgap.yaml of helm airgap', schema: configSchema, file: 'airgap.schema.json' },
  'lock-file': {
    kind: 'LockFile',
    title: 'airgap.lock of helm airgap',
    schema: lockFileSchema,
    file: 'lock-file.schema.json',
  },
  inventory: {
    kind: 'BundleLock',
    title: 'Inventory of a bundle, written by helm airgap inspect -o lock',
    schema: exportedInventorySchema,
    file: 'inventory.schema.json',
  },
} as const;

export type SchemaName = keyof typeof DOCUMENTS;

export const SCHEMA_NAMES = Object.keys(DOCUMENTS) as SchemaName[];

/** Fields of `logins` in which variables are not replaced. */
const LOGIN_KEYS: ReadonlySet<string> = new Set(['username', 'password', 'token']);

/** Returns the `$id` of a schema: a name, not an address, so nothing has to be fetched. */
export function schemaId(name: SchemaName): string {
  return `urn:helm-airgap:v1:${DOCUMENTS[name].kind}`;
}

/**
 * Returns the text of a JSON Schema of draft 7, which editors know best, and the name of its file. It accepts what the reader
 * accepts, and refuses what a schema can: unset variables, and logins and images that are listed twice, are left to the reader.
 */
export function jsonSchema(name: SchemaName): { readonly file: string; readonly text: string } {
  const { title, schema, file } = DOCUMENTS[name];
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema: field, path }) => {
      if (name === 'config' && !LOGIN_KEYS.has(String(path.at(-1)))) acceptVariables(field);
    },
  });
  const document = { $schema, $id: schemaId(name), title, ...rest };
  return { file, text: `${JSON.stringify(document, undefined, 2)}\n` };
}

const OR_VARIABLE = '|\\$\\{';

/** Lets a text with a pattern also have a variable, whose value is not known before the run. */
function acceptVariables(field: { pattern?: string }): void {
  // zod hands over a field once for each schema around it.
  if (field.pattern !== undefined && !field.pattern.endsWith(OR_VARIABLE)) field.pattern += OR_VARIABLE;
}
