import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../../../src/base/text-edits.ts';
import { nameEdits, patternEdits, type TextKind } from '../../../../../src/workflows/public-ecr/writing/image-names.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const moves = {
  moved: new Map([
    ['docker.io/library/nginx:1.25', 'public.ecr.aws/docker/library/nginx:1.25'],
    ['docker.io/library/traefik:8080', 'public.ecr.aws/docker/library/traefik:8080'],
    ['docker.io/library/redis:7', 'public.ecr.aws/docker/library/redis:7'],
    ['quay.io/team/app:2', 'public.ecr.aws/team/app:2'],
  ]),
  staying: new Set(['quay.io/team/app:1', 'docker.io/library/redis:7', 'docker.io/library/redis:6']),
};

const named = (text: string, kind: TextKind = 'text'): string => applyEdits(text, nameEdits(text, moves, kind).edits);
const pattern = (text: string): string => applyEdits(text, patternEdits(text, moves).edits);

describe('names of moved images', () => {
  test.each([
    ['--img=nginx:1.25', '--img=public.ecr.aws/docker/library/nginx:1.25'],
    ['docker.io/library/nginx:1.25', 'public.ecr.aws/docker/library/nginx:1.25'],
    ['library/nginx:1.25', 'public.ecr.aws/docker/library/nginx:1.25'],
    ['index.docker.io/library/nginx:1.25', 'public.ecr.aws/docker/library/nginx:1.25'],
    // Tests set other tags.
    ['docker.io/library/nginx:test', 'public.ecr.aws/docker/library/nginx:test'],
    ['docker.io/library/nginx', 'public.ecr.aws/docker/library/nginx'],
    [`docker.io/library/nginx:1.25@${DIGEST}`, `public.ecr.aws/docker/library/nginx:1.25@${DIGEST}`],
    ['--sidecar=library/nginx:1.25, --x=1', '--sidecar=public.ecr.aws/docker/library/nginx:1.25, --x=1'],
    ['see "library/nginx:1.25".', 'see "public.ecr.aws/docker/library/nginx:1.25".'],
    ['  image: nginx:1.25\n  name: nginx\n', '  image: public.ecr.aws/docker/library/nginx:1.25\n  name: nginx\n'],
    ['"image": "nginx:1.25"', '"image": "public.ecr.aws/docker/library/nginx:1.25"'],
    ['quay.io/team/app:2', 'public.ecr.aws/team/app:2'],
  ])('are changed: %s', (text, changed) => {
    expect(named(text)).toBe(changed);
  });

  test.each([
    'nginx:1.26',
    'nginx',
    'traefik:8080',
    'registry.example.com/library/nginx:1.25',
    'https://docker.io/library/nginx:1.25',
    '/docker.io/library/nginx:1.25',
    'docker.io/library/nginx-exporter:1.25',
    'docker.io/library/nginx/x:1',
    'quay.io/team/app:1',
    'docker.io/library/redis:6',
  ])('are others: %s', (text) => {
    expect(nameEdits(text, moves, 'text')).toEqual({ edits: [], unclear: [] });
  });

  test('of one word are changed where an image stands', () => {
    expect([named('nginx:1.25', 'image'), named('nginx', 'image')]).toEqual([
      'public.ecr.aws/docker/library/nginx:1.25',
      'public.ecr.aws/docker/library/nginx',
    ]);
    expect(named('an nginx', 'image')).toBe('an nginx');
  });

  test.each(['docker.io/library/redis:7', 'quay.io/team/app:3'])(
    'are unclear if the chart names them, or other tags of them, in both ways: %s',
    (text) => {
      expect(nameEdits(text, moves, 'image')).toEqual({ edits: [], unclear: [text] });
    },
  );
});

test('in a text that is known to change may be of one word', () => {
  expect(named('--cache traefik:8080', 'changing')).toBe('--cache public.ecr.aws/docker/library/traefik:8080');
});

describe('patterns', () => {
  test.each([
    ['^docker\\.io/library/nginx:1\\.25$', '^public\\.ecr\\.aws/docker/library/nginx:1\\.25$'],
    ['docker.io/library/nginx:1.25', 'public\\.ecr\\.aws/docker/library/nginx:1\\.25'],
    ['^library\\/nginx', '^public\\.ecr\\.aws/docker/library/nginx'],
  ])('that are one reference are changed: %s', (text, changed) => {
    expect(pattern(text)).toBe(changed);
  });

  test.each([
    '^docker\\.io/.*:1\\.25$',
    'nginx:[0-9.]+$',
    '(docker\\.io|quay\\.io)/library/nginx:.*',
    '^docker\\.io/library/$',
  ])('that are more are unclear: %s', (text) => {
    expect(patternEdits(text, moves)).toEqual({ edits: [], unclear: [text] });
  });

  test.each(['^[0-9]+$', 'registry\\.example\\.com/x:.*', ''])('about something else are left alone: %s', (text) => {
    expect(patternEdits(text, moves)).toEqual({ edits: [], unclear: [] });
  });
});
