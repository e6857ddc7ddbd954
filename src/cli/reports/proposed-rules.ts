import { Document, isMap } from 'yaml';
import { documentText } from '../../base/yaml-text.ts';
import type { ProposedRule } from '../../operator-scan/index.ts';

const HEADER = ` Rules proposed from the files of operator images, in the format of docs/rules.md. Before use with --rules,
 check for each: does the operator still choose that image, and which setting redirects it?`;

/** Formats proposed rules as a YAML rule file, with a comment where no setting was found that redirects an image. */
export function rulesDocument(proposed: readonly ProposedRule[]): string {
  const document = new Document(proposed.map(({ rule }) => rule));
  document.commentBefore = HEADER;
  for (const [i, { rule, withoutRedirect }] of proposed.entries()) {
    for (const [j, { name }] of rule.images.entries()) {
      const redirect = document.getIn([i, 'images', j, 'redirect'], true);
      if (withoutRedirect.includes(name) && isMap(redirect))
        redirect.comment = ' unknown: nothing in the image shows a setting for it';
    }
  }
  return documentText(document).trimEnd();
}
