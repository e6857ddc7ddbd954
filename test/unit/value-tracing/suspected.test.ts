import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { findAccepted } from '../../../src/value-tracing/accepted.ts';
import { suspectedBy } from '../../../src/value-tracing/refusals.ts';

const leaf = (path: string) => ({ path: path.split('.') });
const refusal = (message: string): AirgapError => new AirgapError('chart-render', message);

describe('the leaves that a refusal of a template may be about', () => {
  const items = ['image.sha', 'sub.image.sha', 'sub.image.tag', 'sub.deep.image.sha', 'other.image.sha'].map(leaf);
  const suspects = (message: string): string[] =>
    suspectedBy(refusal(message), items).map(({ path }) => path.join('.'));

  it("are those of the template's own subchart in the message", () => {
    const position = 'execution error at (top/charts/sub/templates/a.yaml:1:2)';
    expect(suspects(`${position}: image.sha forbidden. Use image.digest instead`)).toEqual(['sub.image.sha']);
    expect(suspects(`${position}: <semverCompare ">=1" .Values.image.tag>`)).toEqual(['sub.image.tag']);
    expect(suspects('error at (top/charts/sub/charts/deep/templates/a.yaml:1): image.sha is bad')).toEqual([
      'sub.deep.image.sha',
    ]);
  });

  it('are all of the subchart if the message names none, and none if the chart itself refuses', () => {
    const ofSubchart = ['sub.image.sha', 'sub.image.tag', 'sub.deep.image.sha'];
    expect(suspects('error at (top/charts/sub/templates/a.yaml:1:2): no')).toEqual(ofSubchart);
    expect(suspects('error at (top/templates/a.yaml:1:2): no')).toEqual([]);
  });

  it('are tried separately, so that one refused item among many costs few attempts', async () => {
    const many = Array.from({ length: 40 }, (_, i) => leaf(`l${i}.tag`));
    const items = [...many, leaf('sub.tag'), ...many];
    let attempts = 0;
    const attempt = async (selected: readonly { path: string[] }[]): Promise<number> => {
      attempts += 1;
      if (selected.some(({ path }) => path[0] === 'sub')) throw refusal('at (top/charts/sub/templates/a.yaml:1): no');
      return selected.length;
    };
    expect(await findAccepted(items, attempt, undefined, suspectedBy)).toMatchObject({ result: 80 });
    expect(attempts).toBe(3);
  });
});
