import { type Document, isScalar, visit } from 'yaml';

/**
 * Replaces `${NAME}` in every string of the document; `$${NAME}` stays as `${NAME}`.
 * Reports an unset name with the offset of its string: an empty replacement would silently produce a wrong registry or
 * version.
 */
export function interpolate(
  document: Document,
  lookup: (name: string) => string | undefined,
  report: (offset: number, message: string) => void,
): void {
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string') return;
      node.value = node.value.replace(
        /(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
        (whole, escaped: string, name: string) => {
          if (escaped !== '') return whole.slice(1);
          const value = lookup(name);
          if (value !== undefined) return value;
          report(node.range?.[0] ?? 0, `\${${name}} is not set; set it in the environment or with --var ${name}=…`);
          return '';
        },
      );
    },
  });
}
