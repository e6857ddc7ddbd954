import { expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import type { Location } from '../../../src/inventory/finding.ts';
import { leavesOf } from '../../../src/value-tracing/leaves.ts';
import { markLeaves } from '../../../src/value-tracing/markers.ts';
import { segmentsOf } from '../../../src/value-tracing/name-segments.ts';
import { referenceTemplatesOf } from '../../../src/value-tracing/probe.ts';

it('many references in one text are searched once', () => {
  const written = 'reg.io/a/b:1';
  const values = { text: `${written} `.repeat(1500) };
  const segments = leavesOf(values).flatMap((leaf) => segmentsOf(leaf, [written]));
  const render = (text: string) => ({
    values,
    documents: splitDocuments(`---\n# Source: a\nkind: A\nspec: ${JSON.stringify(text)}\n`),
  });
  const marked = String(markLeaves(segments)[0]?.value);
  const location: Location = {
    ...{ chart: 'a', profile: 'default', template: 'a', document: 0, kind: 'A', name: 'a' },
    path: 'spec',
    how: 'custom-resource',
    written,
  };
  const [first, second] = referenceTemplatesOf([location, location], render(values.text), {
    segments,
    documents: render(marked).documents,
  });
  expect(first).toHaveLength(1500);
  expect(second?.[0]).toBe(first?.[0]);
});
