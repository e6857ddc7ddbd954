import { describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { type LocatedReference, toFindings } from '../../../../src/discovery/index.ts';
import { CandidateLimit } from '../../../../src/workflows/images/candidates.ts';

function references(
  how: LocatedReference['how'],
  count: number,
  more: Partial<LocatedReference> = {},
): LocatedReference[] {
  return Array.from({ length: count }, (_, i) => {
    const reference = `ghcr.io/acme/${how}-${String(i).padStart(5, '0')}:1`;
    const where = { chart: 'acme', profile: 'default', template: 'acme/t.yaml', document: 0, kind: 'ConfigMap' };
    return {
      ...where,
      name: 'list',
      path: `data.a${i}`,
      how,
      written: reference,
      reference,
      confidence: 'likely',
      need: 'install',
      ...more,
    };
  });
}

function within(found: readonly LocatedReference[]) {
  const events: AirgapEvent[] = [];
  const limit = new CandidateLimit((event) => void events.push(event));
  const kept = limit.within(toFindings(found));
  limit.within(toFindings(found));
  return { kept: kept.length, warnings: events.filter(({ type }) => type === 'warning').length };
}

describe('CandidateLimit', () => {
  it('keeps 100 images of an image config, and warns once about the others', () => {
    expect(within(references('image-config', 3000, { kind: 'Image', template: '' }))).toEqual({
      kept: 100,
      warnings: 1,
    });
  });

  it('keeps 500 images of an object', () => {
    expect(within(references('config', 20_000))).toEqual({ kept: 500, warnings: 1 });
    expect(within(references('config', 500))).toEqual({ kept: 500, warnings: 0 });
  });

  it('counts each object separately, and keeps what another one names too', () => {
    const first = references('config', 600);
    const other = first.slice(550).map((location) => ({ ...location, name: 'other' }));
    expect(within([...first, ...other])).toEqual({ kept: 550, warnings: 1 });
  });

  it('keeps all certain images', () => {
    expect(within(references('pod-spec', 3000, { confidence: 'certain' }))).toEqual({ kept: 3000, warnings: 0 });
  });
});
