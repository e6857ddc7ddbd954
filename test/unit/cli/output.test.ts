import { describe, expect, it } from 'vitest';
import { Output } from '../../../src/cli/output.ts';

const failing = (code: string) => Object.assign(new Error(code), { code });

describe('output', () => {
  it('writes in order, in parts if need be, and is idle afterwards', async () => {
    let text = '';
    const output = new Output(async (descriptor, bytes) => {
      const some = bytes.subarray(0, 3);
      text += descriptor === 2 ? some.toString().toUpperCase() : some.toString();
      return some.length;
    });
    output.write(1, 'hello ');
    output.write(2, 'world');
    output.write(1, '!');
    expect(output.isIdle).toBe(false);
    await output.flush();
    expect([text, output.isIdle]).toEqual(['hello WORLD!', true]);
  });

  it('does not wait for a reader that stalls', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let writes = 0;
    const output = new Output(async (_, bytes) => {
      writes++;
      await promise;
      return bytes.length;
    });
    for (let i = 0; i < 1000; i++) output.write(2, 'line\n');
    await new Promise((done) => setImmediate(done));
    expect(writes).toBe(1);
    resolve();
    await output.flush();
    expect(writes).toBe(1000);
  });

  it('tries again if the pipe is full', async () => {
    let text = '';
    let refusals = 2;
    const output = new Output(async (_, bytes) => {
      if (refusals-- > 0) throw failing('EAGAIN');
      text += bytes.toString();
      return bytes.length;
    });
    output.write(2, 'text');
    await output.flush();
    expect(text).toBe('text');
  });

  it('discards the rest after a failure, which is none if the reader closed the pipe', async () => {
    const written: number[] = [];
    const output = new Output(async (descriptor, bytes) => {
      written.push(descriptor);
      if (descriptor === 1) throw failing('ENOSPC');
      throw failing(bytes.length > 0 ? 'EPIPE' : '');
    });
    for (let i = 0; i < 3; i++) {
      output.write(1, 'a');
      output.write(2, 'b');
    }
    await output.flush();
    expect(written).toEqual([1, 2]);
    expect([output.failure(1)?.code, output.failure(2)]).toEqual(['ENOSPC', undefined]);
  });
});
