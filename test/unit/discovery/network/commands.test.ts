import { describe, expect, test } from 'vitest';
import { list, script } from '../../../support/discovery/network-needs.ts';

describe('commands that fetch', () => {
  test.each([
    ['curl -fsSL -o /tmp/x https://get.acme.dev/x.sh', 'download https://get.acme.dev/x.sh'],
    ['curl -LO dl.k8s.io/release/stable.txt', 'download http://dl.k8s.io/release/stable.txt'],
    ['wget -q --header "A: b" "https://acme.dev/a b"', undefined],
    ['wget -qO- https://acme.dev/f.json?token=abcdef', 'download https://acme.dev/f.json?token=***'],
    ['curl https://user:pa55word@acme.dev/f', 'download https://acme.dev/f'],
    [
      'curl https://grafana.com/api/dashboards/1860/revisions/31/download',
      'dashboard https://grafana.com/api/dashboards/1860/revisions/31/download',
    ],
    ['kubectl apply --server-side -f https://acme.dev/crds.yaml', 'download https://acme.dev/crds.yaml'],
    ['kubectl apply -k "github.com/acme/config//base?ref=v1"', 'git https://github.com/acme/config//base?ref=v1'],
    ['helm repo add acme https://charts.acme.dev --force-update', 'chart-repository https://charts.acme.dev'],
    ['helm upgrade --install a thing --repo https://charts.acme.dev', 'chart-repository https://charts.acme.dev'],
    ['helm install a oci://ghcr.io/acme/charts/a --version 1', 'chart oci://ghcr.io/acme/charts/a'],
    ['pip install --no-cache-dir "requests[socks]==2.32.0"', 'package pkg:pypi/requests@2.32.0'],
    ['python3 -m pip install -r requirements.txt', 'package pkg:pypi'],
    ['pip install git+https://github.com/acme/lib.git@main', 'git https://github.com/acme/lib.git@main'],
    ['apk add --no-cache --virtual .deps jq', 'package pkg:apk/alpine/jq'],
    ['apt-get update && apt-get install -y postgresql-client=15', 'package pkg:deb/debian/postgresql-client@15'],
    ['dnf -y install tar >/dev/null 2>&1', 'package pkg:rpm/tar'],
    ['npm install -g @acme/cli@1.2', 'package pkg:npm/%40acme/cli@1.2'],
    ['go install github.com/acme/tool@v1.0.0', 'package pkg:golang/github.com/acme/tool@v1.0.0'],
    ['git clone --depth 1 git@github.com:acme/dags.git /dags', 'git ssh://github.com/acme/dags.git'],
    ['/bin/ollama pull  llama3', 'model https://registry.ollama.ai/library/llama3'],
    ['ollama run hf.co/acme/model:Q4', 'model https://hf.co/acme/model:Q4'],
    ['huggingface-cli download acme/model --local-dir /m', 'model https://huggingface.co/acme/model'],
    ['bin/elasticsearch-plugin install --batch analysis-icu', 'plugin pkg:generic/search-plugin/analysis-icu'],
    ['jenkins-plugin-cli --plugins git:5.1', 'plugin https://updates.jenkins.io/download/plugins/git/5.1/git.hpi'],
  ])('%s', (text, expected) => {
    expect(list(script(text))).toEqual(expected === undefined ? [] : [expected]);
  });

  test.each([
    ['the cluster', 'curl -s http://web.default.svc.cluster.local:8080/ready; wget http://web.kafka.svc/x'],
    [
      'a short service name',
      'curl http://trillian.trillian-system:8090; wget http://web/x; curl http://db.prod:5432/x',
    ],
    ['this host and addresses', 'curl http://localhost:9000/x http://127.0.0.1/x http://169.254.169.254/latest'],
    ['examples', 'curl https://example.com/x https://charts.example.org/y'],
    ['unknown hosts', 'curl "$SCHEME://$HOST/x"; curl https://$DOMAIN/x; wget "$(cat url)"'],
    ['calls of an API', "curl -X POST -d '{}' https://hooks.acme.dev/x; curl --data-binary @f https://api.acme.dev/x"],
    ['questions whether something is there', 'wget --spider https://acme.dev/x; curl -I https://acme.dev/x'],
    [
      'options of curl',
      'curl -e https://acme.dev/ref --proxy https://proxy.acme.dev -H "Origin: https://a.dev" http://web/x',
    ],
    ['comments', '# curl https://acme.dev/x\ntrue # wget https://acme.dev/y'],
    ['what is only said', 'echo "run: curl https://acme.dev/x"; printf "helm repo add a https://acme.dev"'],
    ['here-documents', 'cat <<EOF > /x\ncurl https://acme.dev/x\nEOF'],
    [
      'local packages',
      'pip install ./lib --no-index; pip install --no-index six; apk add --no-network jq; npm install ./x.tgz',
    ],
    ['standard input', 'kubectl apply -f - ; kubectl get -f https://acme.dev/x; helm repo update'],
    ['other verbs', 'git status; go version; pip list; ollama list; apt-get remove curl'],
  ])('not %s', (_name, text) => {
    expect(list(script(text))).toEqual([]);
  });
});

describe('scripts', () => {
  test('resolve variables from assignments, defaults, loops and the environment', () => {
    const text = [
      'BASE=https://acme.dev',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: shell variables.
      'curl "${BASE}/a-${VERSION}-$(uname -m).bin"',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: shell variables.
      'wget ${MIRROR:-https://mirror.dev}/b',
      'for f in one two; do curl -O $BASE/$f; done',
    ].join('\n');
    expect(list(script(text, { env: [{ name: 'VERSION', value: '2' }] }))).toEqual([
      'download https://acme.dev/a-2-$(uname -m).bin',
      'download https://acme.dev/one',
      'download https://acme.dev/two',
      'download https://mirror.dev/b',
    ]);
  });

  test('are found in substitutions, subshells, conditions, nested shells and after wrappers', () => {
    const text = [
      'x=$(curl -s https://a.dev/1)',
      '( wget https://a.dev/2 )',
      'if ! curl -f https://a.dev/3; then { curl https://a.dev/4; }; fi',
      "bash -ec 'curl https://a.dev/5 && true'",
      'retry 3 "curl thing" -- curl \\\n  -f https://a.dev/6 | tar xz',
      'for i in 1 2 3; do timeout 30 curl https://a.dev/7 && break || sleep 1; done',
      'echo "got $(curl -s https://a.dev/8)"',
    ].join('\n');
    expect(list(script(text))).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `download https://a.dev/${n}`));
  });

  test('tolerate text that is not shell: an apostrophe does not hide the rest', () => {
    expect(list(script("don't\ncurl https://a.dev/1\n"))).toEqual(['download https://a.dev/1']);
  });

  test('are parsed in bounded time and depth, whatever their content', () => {
    const nested = `${'$('.repeat(20_000)}curl https://a.dev/1`;
    const circle = `${'A=$A$B$C\nB=$C$A$A\nC=$B$B$A\n'.repeat(50)}curl $A$B$C$A$B$C\n${'"$A" '.repeat(5_000)}`;
    expect(list(script(nested))).toEqual([]);
    expect(list(script(`${circle}\ncurl https://a.dev/2`))).toEqual(['download https://a.dev/2']);
  });
});
