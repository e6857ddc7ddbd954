import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';

/** The published schemas, as CycloneDX’s own library carries them. They name each other by these file names. */
const schemas = join(import.meta.dirname, '../../node_modules/@cyclonedx/cyclonedx-library/res/schema');
const schema = (name: string): object =>
  JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), 'utf8'));
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, code: { optimize: false } });
for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
  ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);

/** Reports whether a bill of materials is valid CycloneDX 1.6; `errors` has what is wrong with it. */
export const isValidBom = ajv.compile(schema('bom-1.6'));
