import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { readLimited } from '../../base/read-limited.ts';
import { schemaId } from './json-schema.ts';

/** Name of the JSON Schema beside an airgap.yaml, which the file names by a relative path: that works on every host. */
export const SCHEMA_FILE = 'airgap.schema.json';

/** Comment by which editors find the schema. */
export const SCHEMA_LINE = `yaml-language-server: $schema=${SCHEMA_FILE}`;

/** Maximum size of the schema file; it has 20 kB. */
const SIZE_LIMIT = 1024 ** 2;

/**
 * Reads the schema file of a folder.
 * @returns its content; undefined if there is none
 * @throws AirgapError `output-exists` if the file is not ours
 */
export async function readSchemaFile(folder: string): Promise<Buffer | undefined> {
  const path = join(folder, SCHEMA_FILE);
  const refuse = (what: string, cause?: unknown): AirgapError =>
    new AirgapError('file', `${path} ${what}`, { hint: 'leave it out: --no-schema', cause });
  const content = await readLimited(path, SIZE_LIMIT, refuse).catch((error: AirgapError) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  });
  if (content === undefined || idOf(content) === schemaId('config')) return content;
  throw new AirgapError('output-exists', `${path} already exists and is not the schema of an airgap.yaml`, {
    hint: 'move it away, or leave the schema out: --no-schema',
  });
}

/** Reports whether a folder has our schema. */
export async function hasSchemaFile(folder: string): Promise<boolean> {
  return (await readSchemaFile(folder).catch(() => undefined)) !== undefined;
}

function idOf(content: Buffer): unknown {
  try {
    return Object(JSON.parse(content.toString('utf8'))).$id;
  } catch {
    return undefined;
  }
}
