import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../../src/helm/documents.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { combineProofs, prove, type ReferenceLocation } from '../../../../src/overrides/proof/proof.ts';
import { WEB_POD } from '../../../support/overrides/web-pod.ts';

const target = parseTarget('ecr.example/m', 'host-path');
const PRIVATE = 'ecr.example/m/quay.io/acme/app:1';

function location(written: string, reference = written, path = 'spec.containers[0].image'): ReferenceLocation {
  return { ...WEB_POD, path, how: 'pod-spec', written, reference };
}
const render = (text: string) => splitDocuments(`---\n# Source: web/templates/a.yaml\n${text}\n`);

describe('the proof', () => {
  it('succeeds if every location has the exact private name', () => {
    const proof = prove([location('quay.io/acme/app:1')], [location(PRIVATE)], render(`image: ${PRIVATE}`), target);
    expect(combineProofs([proof])).toEqual({ references: 1, rewritten: 1, residue: [] });
  });

  it('fails for a location that is still public, or has a different private name', () => {
    for (const now of ['quay.io/acme/app:1', 'ecr.example/m/acme/app:1', 'ecr.example/m/quay.io/acme/app:2']) {
      const proof = prove([location('quay.io/acme/app:1')], [location(now)], render(`image: ${now}`), target);
      expect(proof.unmapped).toMatchObject([{ reference: 'quay.io/acme/app:1', written: now }]);
      expect(combineProofs([proof]).rewritten).toBe(0);
    }
  });

  it('fails for a missing location if the document does not contain its private name', () => {
    expect(prove([location('quay.io/acme/app:1')], [], render('kind: Pod'), target).unmapped).toHaveLength(1);
    for (const text of [`a: ${PRIVATE}`, `a: Uses ${PRIVATE}.`, `a: oci://${PRIVATE}@sha256:0`]) {
      expect(prove([location('quay.io/acme/app:1')], [], render(text), target).unmapped, text).toEqual([]);
    }
    for (const text of [`a: ${PRIVATE}2`, `a: ${PRIVATE}.2`, `a: ${PRIVATE}-alpine`]) {
      expect(prove([location('quay.io/acme/app:1')], [], render(text), target).unmapped, text).toHaveLength(1);
    }
  });

  it('fails for a wrong tag if all images share a repository', () => {
    const singleRepository = parseTarget('ecr.example/all', 'single-repository');
    const before = location('quay.io/acme/app:1');
    const privateName = 'ecr.example/all:1---quay.io--acme--app';
    expect(
      prove([before], [location(privateName)], render(`image: ${privateName}`), singleRepository).unmapped,
    ).toEqual([]);
    const now = location('ecr.example/all:1');
    const stillWrong = prove([before], [now], render(`image: ${now.written}`), singleRepository);
    expect(stillWrong.unmapped).toMatchObject([{ reference: 'quay.io/acme/app:1', written: 'ecr.example/all:1' }]);
    const introduced = prove([], [now], render(`image: ${now.written}`), singleRepository);
    expect(introduced.unmapped, 'introduced by the overrides').toMatchObject([{ written: 'ecr.example/all:1' }]);
  });

  it('fails for a public reference introduced by the overrides', () => {
    const after = [location(PRIVATE), location('docker.io/other/app:2', undefined, 'spec.containers[1].image')];
    const { unmapped } = prove([location('quay.io/acme/app:1')], after, render(`image: ${PRIVATE}`), target);
    expect(unmapped).toMatchObject([{ reference: 'docker.io/other/app:2', path: 'spec.containers[1].image' }]);
  });

  it('accepts references that are already private', () => {
    const privateReference = 'ecr.example/m/team/app:1';
    expect(
      prove([location(privateReference)], [location(privateReference)], render(`image: ${privateReference}`), target)
        .unmapped,
    ).toEqual([]);
  });

  it('fails for a reference that stays public, and that the overrides change', () => {
    const stays = { ...location('quay.io/acme/app:1'), reason: 'why' };
    const { unmapped, references } = prove([], [location(PRIVATE)], render(`image: ${PRIVATE}`), target, [], [stays]);
    expect(unmapped).toMatchObject([{ reference: 'quay.io/acme/app:1', written: PRIVATE }]);
    expect(unmapped[0]?.because).toContain('why');
    expect(references).toEqual([]);
  });
});
