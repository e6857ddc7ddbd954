import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { findAccepted } from '../../../src/value-tracing/bisection.ts';
import { namedBy, suspectedBy } from '../../../src/value-tracing/refusals.ts';

const refusal = (message: string): AirgapError => new AirgapError('chart-render', message);

const isNamedBy =
  (text: string) =>
  (path: readonly (string | number)[]): boolean =>
    namedBy(
      refusal(
        `Helm could not render chart web 1.0.0: values don't meet the specifications of the schema(s) in the following chart(s):\n${text}`,
      ),
      [{ path }],
    ).length > 0;

describe('a leaf in the error of a schema', () => {
  it('is an additional property, in the words of both validators', () => {
    for (const text of [
      "web:\n- at '/gatewayClass': additional properties 'hub', 'registry' not allowed\n",
      'web:\n- gatewayClass: Additional property registry is not allowed\n',
    ]) {
      expect(isNamedBy(text)(['gatewayClass', 'registry'])).toBe(true);
      expect(isNamedBy(text)(['image', 'registry'])).toBe(false);
      expect(isNamedBy(text)(['gatewayClass', 'name'])).toBe(false);
    }
  });

  it('has an invalid value, also inside a list', () => {
    expect(isNamedBy("web:\n- at '/sidecars/0/image': 'x:1' does not match pattern")(['sidecars', 0, 'image'])).toBe(
      true,
    );
    expect(isNamedBy('web:\n- image.tag: Does not match pattern')(['image', 'tag'])).toBe(true);
    expect(isNamedBy('web:\n- image.tag: Does not match pattern')(['image', 'tagSuffix'])).toBe(false);
    expect(isNamedBy("web:\n- at '/image': got string, want object")(['image', 'tag'])).toBe(false);
  });

  it('has a path from the root of the subchart with the schema', () => {
    const isNamed = isNamedBy("cache:\n- at '/image': additional properties 'registry' not allowed\n");
    expect(isNamed(['cache', 'image', 'registry'])).toBe(true);
    expect(isNamed(['other', 'image', 'registry'])).toBe(false);
  });

  it('may have escapes, or be at the root', () => {
    expect(isNamedBy("web:\n- at '/a~1b': 'x' does not match pattern")(['a/b'])).toBe(true);
    expect(isNamedBy('web:\n- (root): Additional property hub is not allowed')(['hub'])).toBe(true);
    expect(isNamedBy("web:\n- at '': additional properties 'hub' not allowed")(['hub'])).toBe(true);
  });

  it('is missing in other refusals', () => {
    const otherRefusal = refusal("- at '/image': additional properties 'a' not allowed");
    expect(namedBy(otherRefusal, [{ path: ['image', 'a'] }])).toEqual([]);
  });
});

const leaf = (path: string) => ({ path: path.split('.') });

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
