import { describe, expect, it } from 'vitest';
import { AirgapError, type ErrorCode } from '../../../../src/base/errors.ts';
import { ReferrerRequests, type RequestKind } from '../../../../src/transfer/referrers/requests.ts';

/** Returns a function that sends requests, which take seconds of a simulated clock, and the log of those sent. */
function simulate() {
  let clock = 0;
  const requests: string[] = [];
  const all = new ReferrerRequests(() => clock);
  const send = (name: string, seconds: number, code?: ErrorCode, kind: RequestKind = 'tag', registry = 'a.example') => {
    const request = async (): Promise<string> => {
      requests.push(name);
      clock += seconds * 1000;
      if (code !== undefined) throw new AirgapError(code, `${name}: no answer`);
      return name;
    };
    return all.run(kind, registry, request).catch((error) => error.code as string);
  };
  return { all, send, requests };
}

describe('requests for referrers', () => {
  it('stop when the failure budget of a registry is used up', async () => {
    const { send, requests } = simulate();
    expect(await send('1', 12, 'registry')).toBe('registry');
    expect(await send('2', 12, 'network')).toBe('network');
    expect(await send('3', 12, 'registry')).toBe('registry');
    expect(await send('4', 0)).toBe('registry');
    expect(await send('other', 0, undefined, 'tag', 'b.example')).toBe('other');
    expect(await send('list', 0, undefined, 'list')).toBe('list');
    expect(requests).toEqual(['1', '2', '3', 'other', 'list']);
  });

  it('continue after successes, denials and missing content', async () => {
    const { send, requests } = simulate();
    for (let i = 0; i < 5; i++) {
      await send('failing', 20, 'registry');
      await send('answered', 1);
    }
    for (const code of ['forbidden', 'unauthorized', 'image-not-found'] as const)
      for (let i = 0; i < 5; i++) await send('refused', 20, code);
    expect(requests).toHaveLength(25);
  });

  it('for lists run one at a time until the first answer', async () => {
    const { send, requests } = simulate();
    const answers = await Promise.all(['1', '2', '3'].map((name) => send(name, 130, 'network', 'list')));
    expect(answers).toEqual(['network', 'network', 'network']);
    expect(requests).toEqual(['1']);
    const failing = simulate();
    await Promise.all(['1', '2', '3', '4', '5'].map((name) => failing.send(name, 12, 'registry', 'list')));
    expect(failing.requests).toEqual(['1', '2', '3']);
    const slow = simulate();
    await Promise.all(['1', '2', '3'].map((name) => slow.send(name, 130, undefined, 'list')));
    expect(slow.requests).toEqual(['1', '2', '3']);
  });

  it('do not count time in the queue as failure', async () => {
    let clock = 0;
    const all = new ReferrerRequests(() => clock);
    const round = async <T>(work: () => Promise<T>): Promise<T> => {
      clock += 1e6;
      return work();
    };
    const fail = async (): Promise<void> => {
      throw new AirgapError('registry', 'answers 500');
    };
    for (let i = 0; i < 3; i++) await expect(all.run('tag', 'a.example', fail, round)).rejects.toThrow('answers 500');
    expect(await all.run('tag', 'a.example', async () => 'answered', round)).toBe('answered');
  });

  it('record affected images by registry, without duplicates', () => {
    const all = new ReferrerRequests();
    all.record('b.example', ['b.example/a:1'], new AirgapError('registry', 'first'));
    all.record('b.example', ['b.example/a:1', 'b.example/a:0'], new AirgapError('network', 'second'));
    all.record('a.example', ['a.example/a:1'], new AirgapError('network', 'third'));
    expect(all.incomplete()).toMatchObject([
      { registry: 'a.example', images: ['a.example/a:1'], error: { message: 'third' } },
      { registry: 'b.example', images: ['b.example/a:0', 'b.example/a:1'], error: { message: 'first' } },
    ]);
    const interrupted = new AirgapError('interrupted', 'interrupted');
    expect(() => all.record('a.example', ['a.example/a:1'], interrupted)).toThrow(interrupted);
  });

  it('rethrow errors that are not AirgapErrors', async () => {
    const broken = async (): Promise<void> => {
      throw new TypeError('a defect');
    };
    await expect(new ReferrerRequests().run('tag', 'a.example', broken)).rejects.toThrow(TypeError);
  });
});
