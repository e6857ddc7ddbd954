import { jsonSchema, SCHEMA_NAMES } from '../../src/cli/config/json-schema.ts';

/** Returns the files that are made from the sources and kept in the checkout: texts by path. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map(
    SCHEMA_NAMES.map((name) => {
      const { file, text } = jsonSchema(name);
      return [`schemas/${file}`, text];
    }),
  );
}
