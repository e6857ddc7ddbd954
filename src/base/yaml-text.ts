import { Document, type ToStringOptions, visit } from 'yaml';
import { printable } from './printable.ts';

/** Helm and Kubernetes read YAML 1.1, where `on`, `no` and `0o17` are no strings unless they stand in quotes. */
const YAML = { compat: 'yaml-1.1', aliasDuplicateObjects: false } as const;

/**
 * A document as text that Go's YAML reads as it is meant, and that a terminal shows and does not obey. Go takes NEL, LS
 * and PS for line breaks, which the yaml package writes as they are: a text with one of these, or with any other character
 * that is not printable, stands in double quotes with an escape. In comments the escape is only shown.
 */
export function documentText(document: Document, options: ToStringOptions = {}): string {
  visit(document, {
    // What was set by hand is no node yet.
    Pair: (_, pair) => {
      if (typeof pair.key === 'string') pair.key = document.createNode(pair.key);
      if (typeof pair.value === 'string') pair.value = document.createNode(pair.value);
    },
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && printable(scalar.value) !== scalar.value) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // What the package writes raw stands in double quotes now, where `\x85` and `\u2028` are escapes of YAML, or in comments.
  return printable(document.toString({ lineWidth: 0, directives: false, ...options }));
}

/** A value as YAML 1.1, in the way of {@link documentText}. */
export function yamlText(value: unknown, options: ToStringOptions = {}): string {
  return documentText(new Document(value, YAML), options);
}
