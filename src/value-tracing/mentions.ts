/**
 * Returns the values paths in the text of a template: `.Values.a.b`, `((.Values.a).b)`, `dig "a" "b" "" .Values`,
 * `index .Values "a" "b"`.
 */
export function mentionedPaths(text: string): string[][] {
  const dotted = [...text.matchAll(/\.Values((?:\)*\.[A-Za-z_][\w-]*)+)/g)].map(([, keys = '']) =>
    keys.replaceAll(')', '').slice(1).split('.'),
  );
  const dottedKeys = (keys = ''): string[] => keys.split('.').filter((key) => key !== '' && key !== 'AsMap');
  const quoted = (keys = ''): string[] => [...keys.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
  const indexed = [...text.matchAll(/\bindex\s+\$?\.Values((?:\.[\w-]+)*)((?:\s+"[^"]+")+)/g)].map(
    ([, start, keys]) => [...dottedKeys(start), ...quoted(keys)],
  );
  // The last argument before the map is the default of `dig`.
  const dug = [...text.matchAll(/\bdig((?:\s+"[^"]*")+)\s+\(?\$?\.Values((?:\.[\w-]+)*)/g)].map(([, keys, start]) => [
    ...dottedKeys(start),
    ...quoted(keys).slice(0, -1),
  ]);
  return [...dotted, ...indexed, ...dug];
}
