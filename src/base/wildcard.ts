/** Matches whole names. */
export interface NameTest {
  test(name: string): boolean;
}

/**
 * Compiles a pattern in which `*` matches any text. Matching takes linear time for any number of stars: each part between
 * two stars is searched for once, from the left.
 */
export function wildcard(pattern: string): NameTest {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  return {
    test: (name) => {
      if (last === undefined) return name === first;
      const end = name.length - last.length;
      if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
      let position = first.length;
      for (const part of rest) {
        const found = name.indexOf(part, position);
        if (found < 0 || found + part.length > end) return false;
        position = found + part.length;
      }
      return true;
    },
  };
}
