import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { NetworkNeed } from '../../../src/discovery/network/index.ts';
import { warn } from '../../../src/workflows/bundling/bundle-warnings.ts';

function warnings(network: readonly NetworkNeed[], references: readonly string[]): string[] {
  const events: AirgapEvent[] = [];
  warn((event) => events.push(event), network, references);
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

it('warns once of what workloads fetch besides images', () => {
  const network = ['a', 'b', 'c', 'd'].map(
    (name): NetworkNeed => ({
      url: `https://x.example/${name}`,
      kind: 'download',
      found: [],
    }),
  );
  const [message, ...more] = warnings(network, []);
  expect(message).toMatch(/x\.example\/a, .*\/b, .*\/c and 1 more/);
  expect(more).toEqual([]);
});

it('says nothing when there is nothing to say', () => {
  expect(warnings([], ['quay.io/a/b:1'])).toEqual([]);
});
