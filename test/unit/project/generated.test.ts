import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from '../../../scripts/generate/files.ts';

const root = join(import.meta.dirname, '../../..');
const files = await generatedFiles();

describe('files made from the sources are up to date; npm run generate writes them', () => {
  it.each([...files.keys()])('%s', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(files.get(path));
  });
});
