import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../../src/helm/documents.ts';
import type { Redirect } from '../../../../src/inventory/finding.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { combineProofs, prove, type ReferenceLocation } from '../../../../src/overrides/proof/proof.ts';
import { isRedirected, redirectSettings } from '../../../../src/overrides/proof/redirect.ts';
import { mergeSettings } from '../../../../src/overrides/settings/setting.ts';

const target = parseTarget('registry.internal.example/mirror', 'host-path');
const agent = (redirect?: Redirect, reference = 'docker.io/example/agent:7.1'): ReferenceLocation => ({
  chart: 'widget',
  profile: 'default',
  template: 'widget/templates/operator.yaml',
  document: 0,
  kind: 'Deployment',
  name: 'widget',
  path: 'spec.template.spec.containers[0].image',
  within: 'rule widget: agent',
  how: 'operator-rule',
  written: reference,
  reference,
  ...(redirect === undefined ? {} : { redirect }),
});
const documents = (text: string) => splitDocuments(`---\n# Source: widget/templates/operator.yaml\n${text}\n`);
const base = { documents: [], values: { agent: { tag: '7.1', image: '' } } };
const split: Redirect = {
  kind: 'argument',
  name: '--agent-image',
  values: { agent: { registry: '{registry}', repository: '{path}', tag: '{tag}' } },
};

describe('a redirect', () => {
  it('becomes settings with the parts of the private name, without unchanged ones', () => {
    expect(redirectSettings([agent(split)], base, target)).toEqual([
      { path: ['agent', 'registry'], value: 'registry.internal.example', comment: 'docker.io/example/agent:7.1' },
      {
        path: ['agent', 'repository'],
        value: 'mirror/docker.io/example/agent',
        comment: 'docker.io/example/agent:7.1',
      },
    ]);
  });

  it('fills in folder, subfolder, name and the whole reference', () => {
    const redirect: Redirect = {
      kind: 'values',
      values: { a: '{folder}', b: '{subfolder}', c: '{name}', d: '{reference}', e: '{repository}', f: '{unknown}' },
    };
    const settings = redirectSettings([agent(redirect)], base, target);
    expect(settings.map(({ value }) => value)).toEqual([
      'registry.internal.example/mirror/docker.io/example',
      'mirror/docker.io/example',
      'agent',
      'registry.internal.example/mirror/docker.io/example/agent:7.1',
      'registry.internal.example/mirror/docker.io/example/agent',
      '{unknown}',
    ]);
  });

  it('has no settings if the rule has no values', () => {
    expect(redirectSettings([agent({ kind: 'env', name: 'AGENT' }), agent()], base, target)).toEqual([]);
  });

  it('does not replace settings derived from the render', () => {
    const derived = [{ path: ['agent', 'registry'], value: 'derived', comment: '' }];
    const merged = mergeSettings(redirectSettings([agent(split)], base, target), derived);
    expect(merged.map(({ path, value }) => [path.join('.'), value])).toEqual([
      ['agent.registry', 'derived'],
      ['agent.repository', 'mirror/docker.io/example/agent'],
    ]);
  });
});

describe('the proof of an image that an operator chooses', () => {
  it('accepts the private reference in the render', () => {
    const rendered = documents('args: ["--agent-image=registry.internal.example/mirror/docker.io/example/agent:7.1"]');
    expect(isRedirected(agent(split), rendered, target)).toBe(true);
    expect(combineProofs([prove([], [], rendered, target, [agent(split)])])).toMatchObject({
      references: 1,
      rewritten: 1,
      residue: [],
    });
  });

  it('requires every part of the redirect, and does not accept a tag alone', () => {
    const redirect: Redirect = { kind: 'resource-field', value: '{registry}, {subfolder}' };
    const rendered = documents('registry: registry.internal.example\nimagePath: mirror/docker.io/example');
    expect(isRedirected(agent(redirect), rendered, target)).toBe(true);
    expect(isRedirected(agent(redirect), documents('registry: registry.internal.example'), target)).toBe(false);
    expect(isRedirected(agent({ kind: 'values', values: { tag: '{tag}' } }), documents('tag: 7.1'), target)).toBe(
      false,
    );
  });

  it("fails without a redirect, and reports the operator's location", () => {
    const proof = prove([], [], documents('args: []'), target, [agent({ kind: 'none' })]);
    expect(combineProofs([proof])).toMatchObject({ references: 1, rewritten: 0 });
    expect(proof.unmapped).toEqual([
      expect.objectContaining({
        reference: 'docker.io/example/agent:7.1',
        template: 'widget/templates/operator.yaml',
        path: 'spec.template.spec.containers[0].image (rule widget: agent)',
      }),
    ]);
  });
});
