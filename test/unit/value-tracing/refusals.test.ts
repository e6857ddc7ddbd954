import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { namedInRefusal } from '../../../src/value-tracing/refusals.ts';

const namedBy = (text: string) =>
  namedInRefusal(
    new AirgapError(
      'chart-render',
      `Helm could not render chart web 1.0.0: values don't meet the specifications of the schema(s) in the following chart(s):\n${text}`,
    ),
  );

describe('a leaf in the error of a schema', () => {
  it('is an additional property, in the words of both validators', () => {
    for (const text of [
      "web:\n- at '/gatewayClass': additional properties 'hub', 'registry' not allowed\n",
      'web:\n- gatewayClass: Additional property registry is not allowed\n',
    ]) {
      expect(namedBy(text)(['gatewayClass', 'registry'])).toBe(true);
      expect(namedBy(text)(['image', 'registry'])).toBe(false);
      expect(namedBy(text)(['gatewayClass', 'name'])).toBe(false);
    }
  });

  it('has an invalid value, also inside a list', () => {
    expect(namedBy("web:\n- at '/sidecars/0/image': 'x:1' does not match pattern")(['sidecars', 0, 'image'])).toBe(
      true,
    );
    expect(namedBy('web:\n- image.tag: Does not match pattern')(['image', 'tag'])).toBe(true);
    expect(namedBy('web:\n- image.tag: Does not match pattern')(['image', 'tagSuffix'])).toBe(false);
    expect(namedBy("web:\n- at '/image': got string, want object")(['image', 'tag'])).toBe(false);
  });

  it('has a path from the root of the subchart with the schema', () => {
    const isNamed = namedBy("cache:\n- at '/image': additional properties 'registry' not allowed\n");
    expect(isNamed(['cache', 'image', 'registry'])).toBe(true);
    expect(isNamed(['other', 'image', 'registry'])).toBe(false);
  });

  it('may have escapes, or be at the root', () => {
    expect(namedBy("web:\n- at '/a~1b': 'x' does not match pattern")(['a/b'])).toBe(true);
    expect(namedBy('web:\n- (root): Additional property hub is not allowed')(['hub'])).toBe(true);
    expect(namedBy("web:\n- at '': additional properties 'hub' not allowed")(['hub'])).toBe(true);
  });

  it('is missing in other refusals', () => {
    const isNamed = namedInRefusal(
      new AirgapError('chart-render', "- at '/image': additional properties 'a' not allowed"),
    );
    expect(isNamed(['image', 'a'])).toBe(false);
  });
});
