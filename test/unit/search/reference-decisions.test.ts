import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import type { LocatedReference } from '../../../src/inventory/finding.ts';
import type { Inventory } from '../../../src/inventory/inventory.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import { allowedNames, ReferenceDecisions, splitStaying } from '../../../src/search/reference-decisions.ts';
import { WEB_POD } from '../../support/overrides/web-pod.ts';

const target = parseTarget('ecr.example/m', 'host-path');
const inventoryOf = (inventory: Partial<Inventory>): Inventory => inventory as Inventory;

describe('an image stays public on purpose', () => {
  it('by an exclusion, unless it is included or at the target', () => {
    const exclude = [{ pattern: 'quay.io/*', reason: 'later' }, { pattern: 'busybox' }];
    const decisions = new ReferenceDecisions({ exclude, include: [{ pattern: 'quay.io/a' }] }, target, undefined);
    expect(decisions.stays('quay.io/b:1', undefined)).toMatchObject({ reason: 'later' });
    expect(decisions.stays('docker.io/library/busybox:1', undefined)).toMatchObject({ reason: '--exclude busybox' });
    expect(decisions.stays('quay.io/a:1', undefined)).toBeUndefined();
    const all = new ReferenceDecisions({ exclude: [{ pattern: '*' }] }, target, undefined);
    expect(all.stays('ecr.example/m/quay.io/b:1', undefined)).toBeUndefined();
  });

  it('by an exclusion of the bundle, and not by its other selections', () => {
    const choices: Inventory['choices'] = [
      { rule: 'exclude', pattern: 'quay.io/a', reason: 'no queue', references: ['quay.io/a:1'], charts: ['inner'] },
      { rule: 'exclude', reason: 'defaults of operators', references: ['quay.io/d:1'] },
      { rule: 'no-tests', references: ['quay.io/t:1'] },
      { rule: 'include', pattern: 'quay.io/i', references: ['quay.io/i:1'] },
    ];
    const decisions = new ReferenceDecisions({}, target, inventoryOf({ choices }));
    const reasons = ['a', 'd', 't', 'i', 'x'].map((name) => decisions.stays(`quay.io/${name}:1`, undefined)?.reason);
    expect(reasons).toEqual([
      'excluded when bundling: no queue',
      'excluded when bundling: defaults of operators',
      undefined,
      undefined,
      undefined,
    ]);
    expect(decisions.excludesChart('inner')).toBe(true);
    expect(decisions.excludesChart('other')).toBe(false);
  });

  it('by a list, in the namespaces of an entry; unused entries are known', () => {
    const allowed = [
      { image: 'quay.io/a:*', namespace: 'kube-*', reason: 'part of the cluster' },
      { image: 'quay.io/z:*', reason: 'unused' },
    ];
    const decisions = new ReferenceDecisions({ allowed }, target, undefined, 'apps');
    expect(decisions.unusedAllowed()).toEqual(allowed);
    expect(decisions.stays('quay.io/a:1', undefined)).toBeUndefined();
    expect(decisions.stays('quay.io/a:1', 'kube-system')).toBe(allowed[0]);
    expect(decisions.unusedAllowed()).toEqual([allowed[1]]);
    const inKube = new ReferenceDecisions({ allowed }, target, undefined, 'kube-system');
    expect(inKube.stays('quay.io/a:1', undefined)).toBe(allowed[0]);
  });
});

describe('references in a render', () => {
  const image = (document: number): LocatedReference => ({
    ...WEB_POD,
    ...{ document, path: 'spec.containers[0].image', how: 'pod-spec', confidence: 'certain', need: 'install' },
    ...{ written: 'quay.io/a:1', reference: 'quay.io/a:1' },
  });
  const documents = splitDocuments(
    ['kube-system', '']
      .map((ns) => `---\n# Source: ${WEB_POD.template}\nkind: Pod\nmetadata: {name: p${ns && `, namespace: ${ns}`}}\n`)
      .join(''),
  );

  it('are separated by the namespace of their object, else by that of the release', () => {
    const allowed = [{ image: 'quay.io/a:1', namespace: 'kube-system', reason: 'why' }];
    const decisions = new ReferenceDecisions({ allowed }, target, undefined);
    const { wanted, staying } = splitStaying([image(0), image(1)], decisions, documents);
    expect([wanted, staying].map((list) => list.map(({ document }) => document))).toEqual([[1], [0]]);
    expect(splitStaying([image(1)], decisions, documents, 'kube-system').wanted).toEqual([]);
    expect(allowedNames([...staying, ...staying])).toEqual([
      { state: 'public-on-purpose', reference: 'quay.io/a:1', reason: 'why' },
    ]);
  });
});

describe('an image is missing', () => {
  it('by the list of a bundle', () => {
    const missing = ['gone', 'accepted'].map((name) => ({
      ...{ state: 'missing', reference: `quay.io/${name}:1`, confidence: 'likely', need: 'operand', found: [] },
      ...{ why: '404', ...(name === 'accepted' && { allowed: { reason: 'soon' } }) },
    })) as unknown as Inventory['missing'];
    const decisions = new ReferenceDecisions({}, target, inventoryOf({ missing }));
    expect(decisions.missing('quay.io/gone:1')?.why).toBe('404');
    expect(decisions.missing('quay.io/accepted:1')?.allowed).toEqual({ reason: 'soon' });
    expect(decisions.missingImages()).toEqual(['quay.io/gone:1']);
  });

  it('by the selection of an older bundle that does not have it', () => {
    const images = [{ reference: 'quay.io/there:1' }] as Inventory['images'];
    const choices: Inventory['choices'] = [{ rule: 'dropped', references: ['quay.io/old:1', 'quay.io/there:1'] }];
    const decisions = new ReferenceDecisions({}, target, inventoryOf({ images, choices }));
    expect(decisions.missing('quay.io/there:1')).toBeUndefined();
    expect(decisions.missingImages()).toEqual(['quay.io/old:1']);
  });
});
