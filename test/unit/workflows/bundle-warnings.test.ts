import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { warn } from '../../../src/workflows/bundle-warnings.ts';
import type { SearchedChart } from '../../../src/workflows/discover.ts';

function warnings(charts: readonly SearchedChart[], references: readonly string[]): string[] {
  const events: AirgapEvent[] = [];
  warn((event) => events.push(event), charts, references);
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

it('warns of tags that move, and of no others', () => {
  const [message, ...more] = warnings(
    [],
    [
      'docker.io/library/busybox:latest',
      'quay.io/a/b:v1.2.3',
      'quay.io/a/c:main',
      `quay.io/a/d:latest@sha256:${'0'.repeat(64)}`,
    ],
  );
  expect(message).toMatch(/docker\.io\/library\/busybox:latest, quay\.io\/a\/c:main$/);
  expect(more).toEqual([]);
});

it('warns once of what workloads fetch besides images, however often they do', () => {
  const network = ['a', 'b', 'c', 'd', 'a'].map((name) => ({
    url: `https://x.example/${name}`,
    kind: 'download',
    found: [],
  }));
  const [message, ...more] = warnings([{ network } as unknown as SearchedChart], []);
  expect(message).toMatch(/x\.example\/a, .*\/b, .*\/c and 1 more/);
  expect(more).toEqual([]);
});

it('says nothing when there is nothing to say', () => {
  expect(warnings([{ network: [] } as unknown as SearchedChart], ['quay.io/a/b:1'])).toEqual([]);
});
