import { Document, isMap } from 'yaml';
import { documentText } from '../base/yaml-text.ts';
import type { ProposedRule } from '../workflows/inside/propose-rules.ts';

const HEAD = ` Rules proposed from the files of operators' images, in the format of docs/rules.md. Review each before you use it
 with --rules: whether the operator still chooses that image, and what redirects it.`;

/** A rule file to review and keep: YAML, with a comment where nothing shows what redirects an image. */
export function rulesDocument(proposed: readonly ProposedRule[]): string {
  const document = new Document(proposed.map(({ rule }) => rule));
  document.commentBefore = HEAD;
  for (const [i, { rule, open }] of proposed.entries()) {
    for (const [j, { name }] of rule.images.entries()) {
      const redirect = document.getIn([i, 'images', j, 'redirect'], true);
      if (open.includes(name) && isMap(redirect))
        redirect.comment = ' open: nothing in the image shows a setting for it';
    }
  }
  return documentText(document).trimEnd();
}
