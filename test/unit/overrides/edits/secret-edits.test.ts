import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { postRender } from '../../../../src/overrides/edits/post-render.ts';
import {
  formatPostRenderMap,
  type PullSecretEntry,
  parsePostRenderMap,
} from '../../../../src/overrides/edits/post-render-map.ts';

const pod: PullSecretEntry = { template: 'a/templates/a.yaml', kind: 'Pod', path: 'spec' };
async function withSecret(spec: string, pods: readonly PullSecretEntry[] = [pod]): Promise<string> {
  const stream = `---\n# Source: a/templates/a.yaml\nkind: Pod\n${spec}`;
  const { text } = await postRender(stream, [], { name: 'ecr', pods });
  return text.slice(stream.indexOf('kind:'));
}
const secretsOf = (text: string): unknown =>
  (parse(text) as { spec: { imagePullSecrets: unknown } }).spec.imagePullSecrets;

describe('a post-renderer', () => {
  it.for([
    ['a block', 'spec:\n  # why\n  containers: [{image: a}]\n', [{ name: 'ecr' }]],
    ['a flow map', 'spec: {containers: [{image: a}]}\n', [{ name: 'ecr' }]],
    ['a list', 'spec:\n  imagePullSecrets:\n  - name: old\n  containers: []\n', [{ name: 'ecr' }, { name: 'old' }]],
    ['a flow list', 'spec:\n  imagePullSecrets: [{name: old}]\n  containers: []\n', [{ name: 'ecr' }, { name: 'old' }]],
    ['an empty list', 'spec:\n  imagePullSecrets: []\n  containers: []\n', [{ name: 'ecr' }]],
    ['nothing behind the key', 'spec:\n  imagePullSecrets:\n  containers: []\n', [{ name: 'ecr' }]],
    ['a secret that is there', 'spec:\n  imagePullSecrets: [{name: ecr}]\n  containers: []\n', [{ name: 'ecr' }]],
  ] as const)('adds the pull secret to a pod in the style of %s', async ([, spec, secrets]) => {
    const text = await withSecret(spec);
    expect(secretsOf(text)).toEqual(secrets);
    const lines = spec.split('\n').filter((line) => /#|image: a/.test(line) && !line.includes('{containers'));
    for (const line of lines) expect(text).toContain(line);
  });

  it('adds the pull secret once for several entries, and to no other kind', async () => {
    const hookAndPod = await withSecret('spec: {containers: []}\n', [pod, { ...pod, hook: true }]);
    expect(secretsOf(hookAndPod)).toEqual([{ name: 'ecr' }]);
    const other = await withSecret('spec: {containers: []}\n', [{ ...pod, kind: 'Job' }]);
    expect(secretsOf(other)).toBeUndefined();
  });

  it('reads the pods from its map', () => {
    const content = { chart: 'a', version: '1.0.0', target: 'r.example', entries: [] };
    const map = parsePostRenderMap(
      formatPostRenderMap({ ...content, pullSecret: { name: 'ecr', pods: [pod] } }),
      'map',
    );
    expect(map.pullSecret).toEqual({ name: 'ecr', pods: [pod] });
    expect(formatPostRenderMap(content)).not.toContain('pullSecret');
  });
});
