import fc from './property.ts';

const HEAD = 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n';
const BODY = 'spec:\n  template:\n    spec:\n      containers:\n      - name: a\n        image: ghcr.io/acme/a:1.0\n';
const IMAGE = 'ghcr.io/acme/a:1.0';
const DEPLOYMENT = HEAD + BODY;
const BASE64 = Buffer.from(IMAGE).toString('base64');

/** Manifests that Helm installs with the image `ghcr.io/acme/a:1.0` in a container, by their peculiarity. */
export const HOSTILE_MANIFESTS: Readonly<Record<string, string>> = {
  plain: DEPLOYMENT,
  'CR as line breaks': DEPLOYMENT.replaceAll('\n', '\r'),
  'CR LF as line breaks': DEPLOYMENT.replaceAll('\n', '\r\n'),
  'NEL as line breaks': DEPLOYMENT.replaceAll('\n', '\u0085'),
  'LS as line breaks': DEPLOYMENT.replaceAll('\n', '\u2028'),
  'PS as line breaks': DEPLOYMENT.replaceAll('\n', '\u2029'),
  'a comment that CR ends': `# a Role\r${DEPLOYMENT}`,
  'a kind behind CR in a comment': `#\rkind: Role\n${HEAD.replace('kind: Deployment\n', '')}${BODY}#\rkind: Deployment\n`,
  'a silent kind in quotes before its own': `a: "\nkind: Role\n"\n${DEPLOYMENT}`,
  'a silent kind in a comment before its own': `# kind: Role\n#\nkind: Role\n${DEPLOYMENT}`,
  'a silent kind in a text before its own': `a: |\n  x\n  kind: Role\nkind: Role\n${DEPLOYMENT}`,
  'a silent kind in brackets before its own': `a: {\nkind: Role\n}\n${DEPLOYMENT}`,
  'a silent kind, and its own in quotes': `kind: Role\n${DEPLOYMENT.replace('kind:', '"kind":')}`,
  'a silent kind, and its own escaped': `kind: Role\n${DEPLOYMENT.replace('kind:', '"k\\x69nd":')}`,
  'a silent kind, and its own as an explicit key': `kind: Role\n${DEPLOYMENT.replace('kind: Deployment', '? kind\n: Deployment')}`,
  'a silent kind, and its own merged': `kind: Role\n${DEPLOYMENT.replace('kind: Deployment', '<<: {kind: Deployment}')}`,
  'a silent kind, and its own behind an alias': `x: &k kind\nkind: Role\n${DEPLOYMENT.replace('kind:', '*k :')}`,
  'a silent kind in another indentation': `#\n${`a: "\nkind: Role\n"\n${DEPLOYMENT}`.replace(/^(?!kind: Role|")(?=.)/gm, '  ')}`,
  'a blank before the colon of its kind': `kind: Role\n${DEPLOYMENT.replace('kind:', 'kind :')}`,
  'a key with \\x': DEPLOYMENT.replace('image:', '"im\\x61ge":'),
  'a key with \\u': DEPLOYMENT.replace('image:', '"\\u0069mage":'),
  'a key with \\U': DEPLOYMENT.replace('image:', '"\\U00000069mage":'),
  'a key over two lines': DEPLOYMENT.replace('image: ', '? "im\\\n          age"\n        : '),
  'every key escaped': DEPLOYMENT.replace(
    /[a-zA-Z]+(?=:\s)/g,
    (key) => `"\\x${key.charCodeAt(0).toString(16)}${key.slice(1)}"`,
  ),
  'a value with \\x': DEPLOYMENT.replace(
    IMAGE,
    `"${[...IMAGE].map((c) => `\\x${c.charCodeAt(0).toString(16)}`).join('')}"`,
  ),
  'a value over two lines': DEPLOYMENT.replace(IMAGE, '"ghcr.io/acme\\\n          /a:1.0"'),
  'a value in base64': DEPLOYMENT.replace(IMAGE, `!!binary ${BASE64}`),
  'a key in base64': DEPLOYMENT.replace('image:', '!!binary aW1hZ2U= :'),
  'an unknown tag': DEPLOYMENT.replace(IMAGE, `!mine ${IMAGE}`),
  'an alias': `a: &i ${IMAGE}\n${DEPLOYMENT.replace(/image: .*/, 'image: *i')}`,
  'an alias for the key': `a: &i image\n${DEPLOYMENT.replace('image:', '*i :')}`,
  'an anchor that is set again': `a: &i other\nb: &i ${IMAGE}\n${DEPLOYMENT.replace(/image: .*/, 'image: *i')}`,
  '3,000 aliases': `a: &x word\n${Array.from({ length: 3000 }, (_, i) => `b${i}: *x\n`).join('')}${DEPLOYMENT}`,
  'a merge that wins over what is before it': `a: &m {image: "${IMAGE}"}\n${DEPLOYMENT.replace(/image: .*/, 'image: ghcr.io/acme/z:9\n        <<: *m')}`,
  'the first of two merged': `a: &m {image: "${IMAGE}"}\nb: &n {image: "ghcr.io/acme/z:9"}\n${DEPLOYMENT.replace(/image: .*/, '<<: [*m, *n]')}`,
  'the last of two equal keys': DEPLOYMENT.replace('image:', 'image: ghcr.io/acme/z:9\n        image:'),
  'an end of the document': `${DEPLOYMENT}...\nkind: Role\n`,
  'a second document behind CR': `${DEPLOYMENT.replaceAll('\n', '\r')}---\rkind: Role\r`,
  'a separator and text on one line': `--- # x\n${DEPLOYMENT}`,
  JSON: '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"image": "ghcr.io/acme/a:1.0"}]}}}}',
  'JSON with escapes':
    '{"apiVersion": "apps/v1", "k\\u0069nd": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"\\u0069mage": "ghcr.io/acme/a:1.0"}]}}}}',
  'brackets that end in the first column': `a: [\n1,\n2\n]\n${DEPLOYMENT}`,
  'a comment behind a quote': DEPLOYMENT.replace(IMAGE, `"${IMAGE}"#x`),
  'a name of the prototype': `__proto__: {a: 1}\n${DEPLOYMENT}`,
  'an item of a List': `apiVersion: v1\nkind: List\nitems:\n- ${DEPLOYMENT.trimEnd().replaceAll('\n', '\n  ')}\n`,
  'an item of a typed list, without a kind': `apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- ${DEPLOYMENT.trimEnd().replace('apiVersion: apps/v1\nkind: Deployment\n', '').replaceAll('\n', '\n  ')}\n`,
};

const FRAGMENTS = [
  ...[
    '\r',
    '\n',
    '\u0085',
    '\u2028',
    '\u2029',
    '\r\n',
    '\t',
    ' ',
    '  ',
    '\ufeff',
    '\n---\n',
    '\r---\r',
    '\n...\n',
    '---',
  ],
  ...[
    '# ',
    '#',
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
    ', ',
    ': ',
    ':',
    '- ',
    '? ',
    '|\n',
    '>\n',
    '|2\n',
    '\\',
    '\\x61',
    '\\u0069',
  ],
  ...[
    '&a ',
    '*a',
    '*a : ',
    '<<: *a\n',
    '<<: {kind: Deployment}\n',
    '!!binary ',
    '!!str ',
    '!x ',
    '%TAG ! x:\n',
    '~',
    'null',
  ],
  ...[
    'kind: Role\n',
    '\nkind: Role\n',
    '"kind": Deployment\n',
    'image: ghcr.io/acme/b:2\n',
    'a: &a {image: ghcr.io/acme/c:3}\n',
  ],
  ...[
    'x: "\nkind: Role\n"\n',
    'x: |\n  kind: Role\n',
    'x: {\nkind: Role}\n',
    '"im\\x61ge": ghcr.io/acme/d:4\n        ',
  ],
];

/** Manifests of {@link HOSTILE} with fragments inserted and characters removed. */
export const mutatedManifests = fc
  .tuple(
    fc.constantFrom(...Object.values(HOSTILE_MANIFESTS).filter(({ length }) => length < 2000)),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        atBreak: fc.boolean(),
        drop: fc.constantFrom(0, 0, 0, 1, 4),
        put: fc.constantFrom(...FRAGMENTS),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, changes]) => changes.reduce(changed, text));

function changed(text: string, change: { at: number; atBreak: boolean; drop: number; put: string }): string {
  const somewhere = Math.floor(change.at * text.length);
  const at = change.atBreak ? text.indexOf('\n', somewhere) + 1 : somewhere;
  return text.slice(0, at) + change.put + text.slice(at + change.drop);
}
