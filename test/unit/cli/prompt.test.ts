import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/cli/prompt.ts';

/** Types keys at a question, and returns the answer with all that was shown. */
async function typed(keys: string, isHidden: boolean): Promise<{ readonly answer: string; readonly shown: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const answer = ask({ input, output }, 'Password: ', isHidden);
  input.write(keys);
  const given = await answer;
  return { answer: given, shown: String(output.read()) };
}

describe('a question', () => {
  it('is answered by a line, which is shown', async () => {
    const { answer, shown } = await typed('robux\u007fot\r', false);
    expect(answer).toBe('robuot');
    expect(shown).toContain('Password: ');
    expect(shown).toContain('robu');
  });

  it('for a password shows nothing of it', async () => {
    const { answer, shown } = await typed('gehein\u007fm word\r', true);
    expect([answer, shown]).toEqual(['geheim word', 'Password: \n']);
  });

  it('ends with Ctrl-D without an answer, and with Ctrl-C as an interrupt', async () => {
    expect((await typed('\u0004', true)).answer).toBe('');
    await expect(typed('gehe\u0003', true)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
