import { Document, type ToStringOptions, visit } from 'yaml';
import { printable } from './printable.ts';

/** Helm and Kubernetes read YAML 1.1, in which unquoted `on`, `no` and `0o17` are not strings. */
export const YAML_1_1 = { compat: 'yaml-1.1' } as const;

/**
 * Serializes a document so that Go's YAML parser reads the same value and terminals interpret nothing. Go treats NEL, LS
 * and PS as line breaks, which the yaml package writes literally: strings with these or other unprintable characters are
 * double-quoted with escapes. In comments the characters are replaced by the text of the escape.
 */
export function documentText(document: Document, options: ToStringOptions = {}): string {
  visit(document, {
    // Values assigned by callers are not nodes yet.
    Pair: (_, pair) => {
      if (typeof pair.key === 'string') pair.key = document.createNode(pair.key);
      if (typeof pair.value === 'string') pair.value = document.createNode(pair.value);
    },
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && printable(scalar.value) !== scalar.value) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // Remaining raw characters are in double quotes, where `\x85` and `\u2028` are YAML escapes, or in comments.
  return printable(document.toString({ lineWidth: 0, directives: false, ...options }));
}

/** Serializes a value as YAML 1.1, like {@link documentText}. */
export function yamlText(value: unknown, options: ToStringOptions = {}): string {
  return documentText(new Document(value, { ...YAML_1_1, aliasDuplicateObjects: false }), options);
}
