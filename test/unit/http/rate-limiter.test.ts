import { describe, expect, it } from 'vitest';
import { type Clock, createRateLimiters, type RateLimiter } from '../../../src/http/rate-limiter.ts';

/** A clock that stops until all tasks wait, and then advances to the first one due. */
class StillClock implements Clock {
  #now = 0;
  readonly #waiting: { readonly at: number; readonly go: (nothing?: undefined) => void }[] = [];
  readonly now = (): number => this.#now;
  readonly wait = (milliseconds: number): Promise<unknown> =>
    new Promise((go) => this.#waiting.push({ at: this.#now + milliseconds, go }));

  async runTo(end: Promise<unknown>): Promise<void> {
    let isRunning = true;
    void end.finally(() => {
      isRunning = false;
    });
    for (;;) {
      await new Promise(setImmediate);
      if (!isRunning) return;
      this.#waiting.sort((a, b) => a.at - b.at);
      const next = this.#waiting.shift();
      if (next === undefined) throw new Error('no task is waiting, and the run has not ended');
      this.#now = next.at;
      next.go();
    }
  }
}

/** Simulates a server with a rate limit and a burst, and clients that send until all requests are accepted. */
async function push(
  { perSecond, burst, roundTrip }: { perSecond: number; burst: number; roundTrip: number },
  { count, atOnce }: { count: number; atOnce: number },
): Promise<{ share: number; refused: number; seconds: number }> {
  const clock = new StillClock();
  const limiter = createRateLimiters(clock).get('PUT manifests r.example');
  let [tokens, filled, refused, next] = [burst, 0, 0, 0];
  const accept = (): boolean => {
    tokens = Math.min(burst, tokens + ((clock.now() - filled) * perSecond) / 1000);
    filled = clock.now();
    if (tokens >= 1) tokens--;
    else return false;
    return true;
  };
  const send = async (attempt = 1): Promise<void> => {
    await limiter.acquire();
    const startedAt = clock.now();
    await clock.wait(roundTrip / 2);
    const isAccepted = accept();
    await clock.wait(roundTrip / 2);
    limiter.recordResult(startedAt, !isAccepted);
    if (isAccepted) return;
    refused++;
    await clock.wait(375 * 2 ** (attempt - 1));
    await send(attempt + 1);
  };
  const clients = Array.from({ length: atOnce }, async () => {
    while (next++ < count) await send();
  });
  await clock.runTo(Promise.all(clients));
  const seconds = clock.now() / 1000;
  return { share: (count - burst) / seconds / perSecond, refused, seconds };
}

describe('a server that accepts 10 requests per second', () => {
  it.each([
    [5, 5, 8],
    [10, 5, 32],
    [10, 100, 8],
    [20, 100, 32],
  ])('with a burst of %i and %i ms away, is used to 90 % by %i clients', async (burst, roundTrip, atOnce) => {
    const { share, refused } = await push({ perSecond: 10, burst, roundTrip }, { count: 200, atOnce });
    expect(share).toBeGreaterThan(0.9);
    expect(refused).toBeLessThan(75);
  });
});

describe('a server without a limit', () => {
  it('delays no request', async () => {
    const free = { perSecond: 1e6, burst: 1e6, roundTrip: 10 };
    const { seconds } = await push(free, { count: 400, atOnce: 4 });
    expect(seconds).toBeCloseTo(1, 5);
  });

  it('any more reaches its former rate soon', async () => {
    const clock = new StillClock();
    const limiter = createRateLimiters(clock).get('x');
    limiter.recordResult(0, false);
    limiter.recordResult(1, true);
    expect(limiter.acquire()).toBeInstanceOf(Promise);
    const calm = async (): Promise<void> => {
      for (let delay = limiter.acquire(); delay !== undefined; delay = limiter.acquire()) {
        await delay;
        const startedAt = clock.now();
        await clock.wait(1);
        limiter.recordResult(startedAt, false);
      }
    };
    await clock.runTo(calm());
    expect(clock.now()).toBeLessThan(15_000);
  });
});

describe('refusals', () => {
  function refusedAt(
    ...times: readonly (readonly [began: number, now: number])[]
  ): RateLimiter & { spacing(): Promise<number> } {
    let now = 0;
    let waited = 0;
    const wait = async (milliseconds: number): Promise<void> => {
      waited = milliseconds;
      now += milliseconds;
    };
    const limiter = createRateLimiters({ now: () => now, wait }).get('x');
    for (let sent = 0; sent < 20; sent++) limiter.recordResult(0, false);
    for (const [startedAt, position] of times) {
      now = position;
      limiter.recordResult(startedAt, true);
    }
    return Object.assign(limiter, {
      spacing: async () => {
        await limiter.acquire();
        await limiter.acquire();
        return waited;
      },
    });
  }

  it('of concurrent requests count once', async () => {
    const once = await refusedAt([100, 200]).spacing();
    expect(await refusedAt([100, 200], [110, 205], [190, 210]).spacing()).toBeCloseTo(once);
    expect(await refusedAt([100, 200], [201, 210]).spacing()).toBeGreaterThan(once);
  });

  it('reduce the rate to 1 request per second, not further', async () => {
    const many = Array.from({ length: 100 }, (_, index) => [index * 1000 + 1, index * 1000 + 2] as const);
    expect(await refusedAt(...many).spacing()).toBeCloseTo(1000);
  });
});
