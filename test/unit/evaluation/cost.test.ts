import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Cost, inTurn, measureCost, median, medianCost, ratio } from '../../../evaluation/cost.ts';
import { scratchFolder } from '../../support/scratch.ts';

const costs = (...walls: number[]): Cost[] => walls.map((wall) => ({ wall, cpu: 2 * wall, memory: 0, disk: 0 }));

test('the median of an even number of values is between the middle ones', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect([medianCost(costs(1, 9, 2), 'cpu'), medianCost(costs(1, 2), 'wall', 1)]).toEqual(['4.00', '1.5']);
});

test('ratios are those of runs of the same round', () => {
  expect(ratio(costs(20, 60, 10), costs(10, 20, 10), 'wall')).toBe('**2.00** (1.00–3.00)');
});

test('each round begins with another contender', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const order: string[] = [];
  const result = await inTurn(['a', 'b'], 2, async (name) => {
    order.push(name);
    return { wall: order.length, cpu: 0, memory: 0, disk: 0 };
  });
  expect(order).toEqual(['a', 'b', 'b', 'a']);
  expect(result.a.map(({ wall }) => wall)).toEqual([1, 4]);
  vi.restoreAllMocks();
});

test('a script runs in an empty folder, whose size counts', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'left'), '');
  const script = 'test ! -e "$WORK/left" && head -c 300000 /dev/zero > "$WORK/out"';
  const { wall, disk } = await measureCost(script, folder, process.env);
  expect([existsSync(join(folder, 'left')), wall > 0, disk >= 0.3 && disk < 0.6]).toEqual([false, true, true]);
  await expect(measureCost('echo why >&2; exit 3', folder, process.env)).rejects.toThrow(/ended with 3: why/);
});
