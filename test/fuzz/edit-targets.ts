import { undoPatch, unifiedDiff } from '../../src/base/unified-diff.ts';
import { changeScalars, isRefusal } from '../../src/helm/yaml-source.ts';
import { ReferenceRewriter, registryReplacements } from '../../src/openshift/index.ts';
import { rewriteText } from '../../src/workflows/image-streams/rewriting/rewrite-text.ts';
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
    runs: 60,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      const change = { keys: ['image', 'name'], text: FROM, replacement: TO };
      checkLines(text, changeScalars(text, [change]).text);
    },
  },
  {
    name: 'workload-edits',
    ...from([
      `apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {namespace: a, annotations: {image.openshift.io/triggers: '[{"from":{"kind":"ImageStreamTag","name":"x","namespace":"a"}}]'}}\n  spec: &s\n    template: {spec: {containers: [{image: "old.svc:5000/a/b", args: [--x=old.svc:5000/a/c]}]}}\n  x: *s\n`,
      `{"kind":"BuildConfig","apiVersion":"build.openshift.io/v1","spec":{"output":{"to":{"kind":"DockerImage","name":"old.svc:5000/a/b:1"}},"source":{"dockerfile":"FROM old.svc:5000/a/b\\nRUN x"}}}\n`,
      `apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - image: >-\r\n      old.svc:5000/a/b\r\n---\r\na: old.svc:5000\r\n`,
    ]),
    runs: 60,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      const [source, destination] = [
        { internal: ['old.svc:5000'], routes: [] },
        { internal: ['new.svc:5000'], routes: [] },
      ];
      const renamed = new Map([['a', 'b-new']]);
      const replacements = registryReplacements(source, destination, ['a'], renamed);
      const rewriter = new ReferenceRewriter(replacements, source, destination);
      const result = rewriteText(text, { rewriter, renamed });
      if (isRefusal(result)) return;
      checkLines(text, result.text);
      const again = rewriteText(result.text, { rewriter, renamed });
      if (isRefusal(again) || again.text !== result.text) throw new Error('a second run changes something');
    },
  },
  {
    name: 'unittest-edits',
    ...from([
      `tests:\n- it: a\n  set: {image.name: x}\n  asserts:\n  - equal: {path: 'a[0].image', value: "${FROM}"}\n  - matchRegex: {path: b, pattern: ^nginx:1\\.25$}\n---\nsuite: b\n`,
      `a:\n  1: |\n    image: ${FROM}\n    b: nginx:1.25\n`,
    ]),
    runs: 50,
    read: (bytes) => {
      const text = bytes.toString('utf8');
      const { text: changed, byTitle } = changeSuite(text, moves);
      checkLines(text, changed);
      checkLines(text, changeSnapshot(text, moves, byTitle).text);
    },
  },
];
