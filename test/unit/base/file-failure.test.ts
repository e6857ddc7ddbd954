import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { describeFileFailure, fileFailure } from '../../../src/base/file-failure.ts';
import { scratchFolder } from '../../support/scratch.ts';

function thrown(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

it('converts system errors, with the path of the call', () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'a'), '');
  for (const path of [join(folder, 'a/b'), join(folder, 'none/c'), folder]) {
    const failure = fileFailure(thrown(() => writeFileSync(path, '')));
    expect(failure).toMatchObject({ code: 'file', message: expect.stringContaining(path) });
  }
  expect(fileFailure(thrown(() => mkdirSync(folder)))).toMatchObject({ code: 'file' });
  expect(fileFailure(thrown(() => readFileSync(folder)))).toMatchObject({ code: 'file' });
  const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
  expect(fileFailure(full)).toMatchObject({ code: 'no-space' });
});

it('ignores other errors, and keeps an AirgapError', () => {
  expect(fileFailure(new TypeError('x is not a function'))).toBeUndefined();
  expect(fileFailure(Object.assign(new Error(), { code: 'ECONNREFUSED', syscall: 'connect' }))).toBeUndefined();
  expect(fileFailure('ENOENT')).toBeUndefined();
  const own = new AirgapError('config', 'x');
  expect(fileFailure(own)).toBe(own);
});

it('describes path and reason without the words of Node', () => {
  const missing = thrown(() => readFileSync('/nowhere/x'));
  expect(describeFileFailure(missing, 'other')).toMatch(/^\/nowhere\/x: .*\(ENOENT\)$/);
  const folder = scratchFolder();
  expect(
    describeFileFailure(
      thrown(() => readFileSync(folder)),
      'open file',
    ),
  ).toMatch(/^open file: .*\(EISDIR\)$/);
  expect(describeFileFailure(new Error('odd'))).toBe('odd');
});
