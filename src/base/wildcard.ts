/** A test on whole names. */
export interface NameTest {
  test(name: string): boolean;
}

/**
 * A pattern of names in which `*` stands for anything. Takes time in proportion to the name, however many stars there are:
 * each stretch between two stars is looked for once, as early as it can stand.
 */
export function wildcard(pattern: string): NameTest {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  return {
    test: (name) => {
      if (last === undefined) return name === first;
      const end = name.length - last.length;
      if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
      let at = first.length;
      for (const part of rest) {
        const found = name.indexOf(part, at);
        if (found < 0 || found + part.length > end) return false;
        at = found + part.length;
      }
      return true;
    },
  };
}
