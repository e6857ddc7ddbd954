import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { jsonSchema } from '../../../../src/cli/config/json-schema.ts';
import { hasSchemaFile, readSchemaFile, SCHEMA_FILE } from '../../../../src/cli/config/schema-file.ts';
import { scratchFolder } from '../../../support/scratch.ts';

it('the schema file is ours, missing, or refused, also if it is a pipe that nobody writes to', async () => {
  const [none, ours, other, pipe, folder] = ['none', 'ours', 'other', 'pipe', 'folder'].map((name) => {
    const path = join(scratchFolder(), name);
    mkdirSync(path);
    return path;
  }) as [string, string, string, string, string];
  const { text } = jsonSchema('config');
  writeFileSync(join(ours, SCHEMA_FILE), text);
  writeFileSync(join(other, SCHEMA_FILE), '{"$id":"mine"}');
  execFileSync('mkfifo', [join(pipe, SCHEMA_FILE)]);
  mkdirSync(join(folder, SCHEMA_FILE));
  expect(await readSchemaFile(none)).toBeUndefined();
  expect((await readSchemaFile(ours))?.toString()).toBe(text);
  await expect(readSchemaFile(other)).rejects.toMatchObject({ code: 'output-exists' });
  for (const path of [pipe, folder]) await expect(readSchemaFile(path)).rejects.toMatchObject({ code: 'file' });
  expect(await Promise.all([none, ours, pipe].map(hasSchemaFile))).toEqual([false, true, false]);
});
