import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAllowedImages } from '../../../../src/cli/flags/on-purpose.ts';
import { scratchFolder } from '../../../support/scratch.ts';

describe('a list of allowed images', () => {
  const file = join(scratchFolder(), 'allowed.yaml');
  const read = (text: string) => {
    writeFileSync(file, text);
    return readAllowedImages(file);
  };

  it('is YAML or JSON', async () => {
    const entries = [{ image: 'registry.k8s.io/*', namespace: 'kube-*', reason: 'part of the cluster' }];
    expect(await read(JSON.stringify(entries))).toEqual(entries);
    expect(await read('# reviewed\n- image: a/*\n  reason: |\n    soon\n')).toEqual([{ image: 'a/*', reason: 'soon' }]);
    expect(await readAllowedImages(undefined)).toEqual([]);
  });

  it.each([
    ['a reason is missing', '- image: a/*\n', /allowed\.yaml:1:.*0\.reason/],
    ['a reason is empty', '- image: a/*\n  reason: " "\n', /allowed\.yaml:2:.*0\.reason/],
    ['an image is missing', '- reason: x\n', /0\.image/],
    ['a key is unknown', '- {image: a, reason: b, namespaces: c}\n', /unknown key "namespaces"/],
    ['it is a mapping', 'image: a\nreason: b\n', /./],
    ['it is empty', '', /./],
    ['it is no YAML', '- {', /allowed\.yaml:1/],
  ])('is refused with line and column if %s', async (_, text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('reason:'),
    });
  });

  it('must exist', async () => {
    await expect(readAllowedImages('/nowhere/x')).rejects.toMatchObject({
      code: 'config',
      hint: expect.stringContaining('--allow-images'),
    });
  });
});
