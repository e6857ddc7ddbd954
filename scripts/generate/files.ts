import { jsonSchema, SCHEMA_NAMES } from '../../src/cli/config/json-schema.ts';
import { createProgram, readCommands } from '../../src/cli/program.ts';
import type { CommandIO } from '../../src/cli/run.ts';
import { completionFile } from './completion.ts';
import { referencePage } from './reference.ts';

/** Returns the files that are made from the sources and kept in the checkout: texts by path. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  // Commands are created, and none is run.
  const program = createProgram({ context: { env: {} } } as unknown as CommandIO, await readCommands());
  const schemas = SCHEMA_NAMES.map((name) => jsonSchema(name)).map(
    ({ file, text }) => [`schemas/${file}`, text] as const,
  );
  return new Map([
    ...schemas,
    ['completion.yaml', completionFile(program)],
    ['docs/reference.md', referencePage(program)],
  ]);
}
