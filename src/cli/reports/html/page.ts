import { createHash } from 'node:crypto';
import { constantElement, type Html, html } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** Marks a page as one of these reports, which a later report may replace. */
const GENERATOR = 'helm airgap report';

export interface Page {
  readonly title: string;
  readonly body: Html;
}

/**
 * Returns a page that needs no other file and no network: a policy forbids all but its own style and script, by their digests.
 * So nothing that a bundle says can become a request or a program.
 */
export function page({ title, body }: Page): Html {
  const policy = [
    "default-src 'none'",
    `style-src '${digestSource(STYLE)}'`,
    `script-src '${digestSource(SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="generator" content="${GENERATOR}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
${constantElement('style', STYLE)}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
${body}
${constantElement('script', SCRIPT)}
</body>
</html>
`;
}

/** Reports whether a file is a page of these reports. */
export function isReportPage(content: Buffer): boolean {
  const head = content.subarray(0, 2048).toString('utf8');
  return head.startsWith('<!doctype html>') && head.includes(`<meta name="generator" content="${GENERATOR}">`);
}

/** Returns the source expression of a digest (Content Security Policy 3, `hash-source`). */
function digestSource(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}
