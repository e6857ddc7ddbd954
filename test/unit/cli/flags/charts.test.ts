import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { warnUnusedMirrors } from '../../../../src/cli/flags/charts.ts';

it('does not warn about a mirror of Public ECR if equivalents are read from there', () => {
  const events: AirgapEvent[] = [];
  const flags = { mirror: ['public.ecr.aws=m.example/ecr'], chartMirror: [] };
  const emit = (event: AirgapEvent): void => void events.push(event);
  warnUnusedMirrors(emit, { ...flags, preferPublicEcr: true }, ['docker.io/library/nginx:1'], []);
  expect(events).toEqual([]);
  warnUnusedMirrors(emit, flags, ['docker.io/library/nginx:1'], []);
  expect(events).toHaveLength(1);
});

it('warns about unused mirrors only', () => {
  const events: AirgapEvent[] = [];
  const used = [
    'quay.io=m.example/quay',
    'index.docker.io/=m.example/hub',
    '*=m.example',
    'r.example:5000/a/b=m.example',
  ];
  const mistyped = ['quay.oi=m.example', 'quay.io/or=m.example'];
  warnUnusedMirrors(
    (event) => void events.push(event),
    {
      mirror: [...used, ...mistyped, 'charts.example=m.example'],
      chartMirror: ['https://c.example=./a', 'oci://charts.example/x=./a', 'https://c.exmaple=./a'],
    },
    ['quay.io/org/app:1', 'docker.io/library/nginx:1', 'r.example:5000/a/b@sha256:1'],
    ['https://c.example/web', 'oci://charts.example/x/web', 'shop'],
  );
  expect(events.map((event) => event.type === 'warning' && /^--\S+ (\S+=\S+) /.exec(event.message)?.[1])).toEqual([
    ...mistyped,
    'https://c.exmaple=./a',
  ]);
});
