import { printableLine } from '../../src/base/printable.ts';
import { configText } from '../../src/cli/config/write.ts';
import { type ListFormat, readList } from '../../src/lists/index.ts';
import { LIST_FORMATS } from '../../src/lists/list-format.ts';
import { formatReference, tryParseReference } from '../../src/oci/reference.ts';
import { importedConfig } from '../../src/workflows/import/imported-config.ts';
import fc from '../support/property.ts';
import { mutated } from './mutate.ts';
import type { Target } from './targets.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;

const SEEDS: Readonly<Record<ListFormat, readonly string[]>> = {
  hauler: [
    `apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata: {annotations: {hauler.dev/platform: linux/amd64}}
spec: {images: [{name: quay.io/a/b:1}, {name: "c@${DIGEST}", rewrite: x}]}
---
apiVersion: content.hauler.cattle.io/v1
kind: Charts
spec: {charts: [{name: app, repoURL: https://c.example/x, version: 1.0}, {name: b, repoURL: oci://r.example/c}]}
`,
  ],
  zarf: [
    `kind: ZarfPackageConfig
metadata: {name: a, architecture: amd64}
variables: [{name: T, default: "1"}]
components:
  - name: a
    images: ["quay.io/a/b:###ZARF_VAR_T###"]
    import: {path: ../b}
    charts: [{name: c, url: https://c.example, version: 1.0.0, namespace: x, releaseName: y}, {name: d, url: oci://r.example/d}]
`,
  ],
  'images-lock': [
    `apiVersion: v0
kind: ImagesLock
chart: {name: a, version: 1.0.0}
images: [{name: b, image: "quay.io/a/b:1", digests: [{digest: "${DIGEST}", arch: linux/amd64}]}]
`,
  ],
  compose: [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of Compose
    'x: &x {image: "a:${TAG:-1}"}\nservices:\n  b: {<<: *x}\n  c: {build: ., extends: {file: d}}\n  e: {image: "f/g:${X-1}"}\n',
  ],
  'skopeo-sync': [`quay.io: {images: {a/b: ["1", "${DIGEST}"], c: []}, images-by-semver: {d: ">1"}}\n`],
  yaml: [
    `charts: ["app|1.0.0|https://c.example", {name: b, version: 1, repo: oci://r.example/c}]
images: [nginx:1, {repository: a/b, tag: 1.10}, "c|2|quay.io/d", {name: x, digest: "${DIGEST}"}]
other: {images: {web: {repository: e/f, tag: 1}}}
`,
  ],
  shell: [
    `#!/bin/bash
V=1.2; W=\${W:-\${V}}
CHARTS=(
  "app|$V|https://c.example" 'b|1.0.0|oci://r.example/c' # comment
)
declare -A IMAGES=([nginx]="1.25" ["quay.io/a/b"]=\${W})
IMAGES+=("c:\${V}-x" $(date) \`x\`)
cat <<EOF
IMAGES=(no)
EOF
MORE_IMAGES="
a:1
# b
c:$V"
if [ -z "$V" ] && true; then V=3; fi
ALL_IMAGES=("\${IMAGES[@]}")
`,
  ],
  'env-file': [
    `# both
export SOURCE_MSR_URL="https://\${HOST:-source.example}/" # a
SOURCE_MSR_USER='me' SOURCE_MSR_TOKEN=abc&def
HOST=dest.example
DEST_URL=$HOST:5000/mirror
DEST_USER=me
DEST_PASSWORD="a
b"
ORGS="a b,c/d"
ORGS=(a b)
TLS_VERIFY=false
SSH_KEY=$HOME/.ssh/id
set -a
`,
  ],
  text: ['# list\nnginx:1.25 # x\nquay.io/a/b|1\napp|1.0.0|https://c.example\noci://r.example/c/d:1\n'],
};

/** Texts that are long in one way, which must not take quadratic time. */
const LONG = [
  `IMAGES=(${'a '.repeat(3000)})`,
  `IMAGES=("${'$A '.repeat(3000)}")`,
  `A=x\n${'A="$A$A"\n'.repeat(60)}IMAGES=($A)`,
  `IMAGES="${'${A:-'.repeat(1500)}"`,
  `${'IMAGES=('.repeat(1500)}`,
  `${'$('.repeat(3000)}`,
  `${"'".repeat(3001)}`,
  `services: {a: {image: "${'${A:-'.repeat(1500)}"}}`,
  `services: {a: {image: "${'$'.repeat(3001)}"}}`,
  `images: [${'a,'.repeat(3000)}]`,
  `a: &a [x]\n${Array.from({ length: 40 }, (_, i) => `a${i}: &a${i} [*a${i === 0 ? '' : i - 1}, *a${i === 0 ? '' : i - 1}]`).join('\n')}\n`,
  `m0: &m0 {k: v}\n${Array.from({ length: 800 }, (_, i) => `m${i + 1}: &m${i + 1} {<<: *m${i}, k${i}: v}`).join('\n')}\n`,
  `${'|'.repeat(3000)}`,
  `a${'|a'.repeat(3000)}`,
].map((text) => Buffer.from(text));

/** The readers of lists. What they take is checked, and becomes a configuration file that is read back. */
export const listTargets: readonly Target[] = LIST_FORMATS.map((format) => {
  const seeds = SEEDS[format].map((text) => Buffer.from(text));
  return {
    name: `list-${format}`,
    seeds,
    bytes: fc.oneof({ weight: 15, arbitrary: mutated(seeds) }, { weight: 1, arbitrary: fc.constantFrom(...LONG) }),
    // Each input is read in both ways, and YAML is slow to refuse.
    runs: 40,
    read: (bytes: Buffer) => {
      for (const forced of [undefined, format]) {
        const content = readOr(bytes, forced);
        if (content === undefined) continue;
        if (forced === undefined && content.format !== format) continue;
        for (const { reference } of content.images) {
          const parsed = tryParseReference(reference);
          if (parsed === undefined || formatReference(parsed) !== reference)
            throw new Error(`not normalized: ${reference}`);
        }
        const { config, notTaken } = importedConfig([content]);
        const lists = [{ file: 'f', format: content.format, charts: 0, images: 0 }];
        const text = configText({ lists, config, notTaken });
        if (text.split('\n').some((line) => printableLine(line) !== line)) throw new Error('control characters');
      }
    },
  };
});

/** The content; undefined if the list is refused by itself, so that its other reading is tried too. */
function readOr(bytes: Buffer, format: ListFormat | undefined): ReturnType<typeof readList> | undefined {
  try {
    return readList(bytes, { file: 'f', format });
  } catch (error) {
    if (format !== undefined || (error as Error).name !== 'AirgapError') throw error;
    return undefined;
  }
}
