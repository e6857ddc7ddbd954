import { describe, expect, test } from 'vitest';
import {
  changeSnapshot,
  changeSuite,
  type ExpectedMoves,
} from '../../../../../src/workflows/public-ecr/writing/expectations.ts';

const NGINX = 'docker.io/library/nginx:1.25';
const MOVED = 'public.ecr.aws/docker/library/nginx:1.25';
const moves: ExpectedMoves = {
  moved: new Map([[NGINX, MOVED]]),
  staying: new Set(['quay.io/team/app:1']),
  values: [
    {
      reference: NGINX,
      keys: [
        ['image', 'registry'],
        ['image', 'repository'],
      ],
    },
  ],
};

const SUITE = `suite: deployment # docker.io/library/nginx:1.25
templates: [deployment.yaml]
tests:
  - it: has the image
    asserts:
      - equal: # the proxy
          path: spec.template.spec.containers[0].image
          value: "${NGINX}"
      - contains:
          path: spec.template.spec.containers
          content: {name: nginx, image: nginx:1.25}
      - matchRegex:
          path: spec.template.spec.containers[0].image
          pattern: ^docker\\.io/library/nginx:1\\.25$
      - equal:
          path: metadata.name
          value: nginx
      - equal:
          path: spec.address
          value: nginx:80
      - notEqual:
          path: spec.template.spec.containers[0].image
          value: ${NGINX}
  - it: takes a tag
    set:
      image.tag: test
    asserts:
      - equal:
          path: spec.template.spec.containers[0].image
          value: docker.io/library/nginx:test
  - it: takes a registry and a name
    set:
      image:
        registry: docker.io
        repository: library/nginx
    asserts:
      - equal:
          path: spec.template.spec.containers[0].image
          value: ${NGINX}
`;

function changedLines(before: string, after: string): (readonly [number, string])[] {
  const old = before.split('\n');
  return after.split('\n').flatMap((line, i) => (line === old[i] ? [] : [[i + 1, line.trim()] as const]));
}

describe('a suite of helm-unittest', () => {
  test('expects the new names where an image stands, and keeps all else', () => {
    const { text, notWritten } = changeSuite(SUITE, moves);
    expect(notWritten).toEqual([]);
    expect(changedLines(SUITE, text)).toEqual([
      [8, `value: "${MOVED}"`],
      [11, `content: {name: nginx, image: ${MOVED}}`],
      [14, 'pattern: ^public\\.ecr\\.aws/docker/library/nginx:1\\.25$'],
      [30, 'value: public.ecr.aws/docker/library/nginx:test'],
    ]);
  });

  test('keeps what a test sets, also for all tests of the suite', () => {
    const text = SUITE.replace('tests:', 'set: {image: {registry: docker.io, repository: library/nginx}}\ntests:');
    expect(changeSuite(text, moves)).toMatchObject({ text, notWritten: [] });
  });

  test('names a test that sets one part of a name', () => {
    const text = SUITE.replace('image.tag: test', 'image.registry: registry.example.com').replace(
      'docker.io/library/nginx:test',
      'registry.example.com/library/nginx:1.25',
    );
    expect(changeSuite(text, moves).notWritten).toEqual([{ line: 30, reason: expect.stringContaining('sets a part') }]);
  });

  test.each([
    ['a pattern with more', SUITE.replace('nginx:1\\.25$', 'nginx:.*'), 14],
    [
      'an anchor that is used',
      SUITE.replace('value: "', 'value: &old "')
        .replace('notEqual', 'equal')
        .replace(/value: docker.*\n {2}- it: takes a tag/, 'value: *old\n  - it: takes a tag'),
      8,
    ],
    ['a tag', SUITE.replace('value: "', 'value: !!str "'), 8],
  ])('names what cannot be changed: %s', (_, text, line) => {
    const changed = changeSuite(text, moves);
    expect(changed.notWritten).toEqual([{ line, reason: expect.any(String) }]);
    expect(changedLines(text, changed.text).map(([changedLine]) => changedLine)).not.toContain(line);
  });

  test('keeps a double-quoted pattern readable', () => {
    const text = SUITE.replace('^docker\\.io/library/nginx:1\\.25$', '"^docker\\\\.io/library/nginx:1\\\\.25$"');
    expect(changedLines(text, changeSuite(text, moves).text)[2]).toEqual([
      14,
      'pattern: "^public\\\\.ecr\\\\.aws/docker/library/nginx:1\\\\.25$"',
    ]);
  });

  test('expects the new version of the chart, unless it sets one', () => {
    const text =
      'tests:\n- it: a\n  asserts:\n  - equal: {path: metadata.labels, value: app-1.2.3}\n- it: b\n  chart: {version: 1.2.3}\n  asserts:\n  - equal: {path: metadata.labels, value: app-1.2.3}\n';
    const charts = new Map([['app-1.2.3', 'app-1.2.4']]);
    expect(changeSuite(text, { ...moves, charts }).text).toBe(text.replace('app-1.2.3', 'app-1.2.4'));
    expect(changeSuite(text.replace('tests:', 'chart: {version: 1.2.3}\ntests:'), { ...moves, charts }).text).toContain(
      'value: app-1.2.3}\n- it: b',
    );
  });

  test('may have several documents, Windows line ends and no YAML', () => {
    const several = `${SUITE}---\n${SUITE}`.replaceAll('\n', '\r\n');
    expect(changedLines(several, changeSuite(several, moves).text)).toHaveLength(8);
    expect(changeSuite('a: [', moves)).toMatchObject({ text: 'a: [', notWritten: [{ line: 1 }] });
    for (const text of ['', 'tests: 3\n', '- a\n', 'tests:\n- asserts:\n  - equal\n  -\n  - equal: 3\n'])
      expect(changeSuite(text, moves)).toMatchObject({ text, notWritten: [] });
  });
});

describe('a file of snapshots', () => {
  const snapshot = `has the image:
  1: |
    apiVersion: v1
    kind: Pod
    spec:
      containers:
        - image: ${NGINX}
          name: nginx
        - image: "nginx:1.25"
takes a registry and a name:
  1: |
    image: ${NGINX}
`;

  test('has the new names, save for tests that set them', () => {
    const { byTitle } = changeSuite(SUITE, moves);
    const { text, notWritten } = changeSnapshot(snapshot, moves, byTitle);
    expect(notWritten).toEqual([]);
    expect(changedLines(snapshot, text)).toEqual([
      [7, `- image: ${MOVED}`],
      [9, `- image: "${MOVED}"`],
    ]);
  });

  test('has them for tests of an unknown suite', () => {
    expect(changedLines(snapshot, changeSnapshot(snapshot, moves, new Map()).text)).toHaveLength(3);
  });
});
