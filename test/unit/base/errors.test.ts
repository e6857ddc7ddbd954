import { describe, expect, it } from 'vitest';
import { AirgapError, combine, type ErrorCode, messageOf } from '../../../src/base/errors.ts';

describe('AirgapError', () => {
  it.each<[ErrorCode, number]>([
    ['usage', 2],
    ['config', 2],
    ['reference-invalid', 2],
    ['interrupted', 130],
    ['network', 1],
    ['output-exists', 1],
    ['helm-missing', 1],
  ])('%s ends the program with %i', (code, exit) => {
    expect(new AirgapError(code, 'x').exitCode).toBe(exit);
  });

  it('contains no secret in message, hint and stack', () => {
    const error = new AirgapError('network', 'GET https://me:hunter22@r.example/', {
      hint: 'try https://me:hunter22@r.example/',
    });
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain('hunter22');
  });

  it('keeps its cause, and has no property without one', () => {
    const cause = new Error('why');
    expect(new AirgapError('file', 'x', { cause }).cause).toBe(cause);
    expect('cause' in new AirgapError('file', 'x')).toBe(false);
  });
});

describe('combine', () => {
  const usage = new AirgapError('usage', 'a');
  const network = new AirgapError('network', 'b');

  it('returns a single error unchanged', () => {
    expect(combine([usage], 'several')).toBe(usage);
  });

  it('wraps several errors', () => {
    const error = combine([usage, network], 'two failed');
    expect(error).toMatchObject({ code: 'several', message: 'two failed', causes: [usage, network], exitCode: 1 });
  });

  it('has the exit code of its causes if they agree, also in nested groups', () => {
    expect(combine([usage, new AirgapError('config', 'c')], 'x').exitCode).toBe(2);
    expect(combine([usage, combine([usage, usage], 'y')], 'x').exitCode).toBe(2);
    expect(combine([usage, combine([usage, network], 'y')], 'x').exitCode).toBe(1);
  });
});

describe('messageOf', () => {
  it('returns thrown values as text without secrets', () => {
    expect(messageOf(new Error('https://me:hunter22@r.example'))).toBe('https://***@r.example');
    expect(messageOf('text')).toBe('text');
    expect(messageOf(undefined)).toBe('undefined');
  });
});
