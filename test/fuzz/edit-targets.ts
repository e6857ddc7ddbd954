import { undoPatch, unifiedDiff } from '../../src/base/unified-diff.ts';
import { changeScalars } from '../../src/helm/yaml-source.ts';
import { changeSnapshot, changeSuite } from '../../src/workflows/public-ecr/writing/expectations.ts';
import { mutated } from './mutate.ts';
import type { Target } from './targets.ts';

const FROM = 'docker.io/library/nginx:1.25';
const TO = 'public.ecr.aws/docker/library/nginx:1.25';
const moves = {
  moved: new Map([[FROM, TO]]),
  staying: new Set<string>(),
  values: [{ reference: FROM, keys: [['image', 'name']] }],
};

const from = (texts: readonly string[]): Pick<Target, 'seeds' | 'bytes'> => {
  const seeds = texts.map((text) => Buffer.from(text));
  return { seeds, bytes: mutated(seeds) };
};

/** Fails if a change of a file cannot be shown and taken back line by line. */
function checkLines(before: string, after: string): void {
  if (before.split('\n').length !== after.split('\n').length) throw new Error('a change adds or removes lines');
  if (after.length - before.length > 100 * TO.length) throw new Error('a change adds too much');
  const changes = [{ path: 'a', before, after }];
  if ((unifiedDiff(changes) === '') !== (before === after)) throw new Error('the diff is not that of the change');
  undoPatch(changes);
}

/** Files that people wrote and the plugin changes in place. */
export const editTargets: readonly Target[] = [
  {
    name: 'values-edits',
    ...from([
      `# a\nimage:\n  name: ${FROM} # b\n  "tag": '1'\nother: {image: *x, list: [a, "b\\n"]}\n`,
      `a: &x\n  b: 1\nimage: {name: "${FROM}"}\n<<: *x\nc: |\n  d\n`,
      `image:\r\n  name: >-\r\n    ${FROM}\r\n`,
    ]),
    runs: 200,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      const change = { keys: ['image', 'name'], text: FROM, replacement: TO };
      checkLines(text, changeScalars(text, [change]).text);
    },
  },
  {
    name: 'unittest-edits',
    ...from([
      `tests:\n- it: a\n  set: {image.name: x}\n  asserts:\n  - equal: {path: 'a[0].image', value: "${FROM}"}\n  - matchRegex: {path: b, pattern: ^nginx:1\\.25$}\n---\nsuite: b\n`,
      `a:\n  1: |\n    image: ${FROM}\n    b: nginx:1.25\n`,
    ]),
    runs: 200,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      const { text: changed, byTitle } = changeSuite(text, moves);
      checkLines(text, changed);
      checkLines(text, changeSnapshot(text, moves, byTitle).text);
    },
  },
];
