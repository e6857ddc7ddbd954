import { chartYaml } from './charts.ts';

/** Small charts with the images, values and peculiarities of real ones, by which the pages in docs/ show something. */

/** Files of a chart by path. */
type ChartFiles = Readonly<Record<string, string>>;

const SECRETS = '{{- with .Values.global.imagePullSecrets }}\n      imagePullSecrets: {{ toJson . }}\n{{- end }}';
const deployment = (name: string, image: string, more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      ${SECRETS}
      containers:
        - name: ${name}
          image: ${image}
${more}`;
const JETSTACK = 'quay.io/jetstack/cert-manager';

/** Images of {@link certManager}. */
export function certManagerImages(version: string): string[] {
  return ['acmesolver', 'cainjector', 'controller', 'startupapicheck', 'webhook'].map(
    (part) => `${JETSTACK}-${part}:${version}`,
  );
}

/** A chart with the images of cert-manager and its values for them, in 1% of its size. */
export function certManager(version: string): ChartFiles {
  const image = (part: string): string => `    repository: ${JETSTACK}-${part}\n    digest: ""\n`;
  const name = (path: string): string =>
    `{{ .Values.${path}.repository }}{{ if .Values.${path}.digest }}@{{ .Values.${path}.digest }}{{ else }}:{{ .Chart.AppVersion }}{{ end }}`;
  const of = (path: string): string => `"${name(path)}"`;
  return {
    'Chart.yaml': chartYaml('cert-manager', version, `appVersion: ${version}\n`),
    'values.yaml': `global: {imagePullSecrets: []}\nimage:\n  repository: ${JETSTACK}-controller\n  digest: ""\nacmesolver:\n  image:\n${image('acmesolver')}cainjector:\n  image:\n${image('cainjector')}webhook:\n  image:\n${image('webhook')}startupapicheck:\n  image:\n${image('startupapicheck')}`,
    'templates/controller.yaml': deployment(
      '{{ .Release.Name }}-cert-manager',
      of('image'),
      `          args: ["--v=2", "--cluster-resource-namespace=a", "--leader-election-namespace=b", "--acme-http01-solver-image=${name('acmesolver.image')}"]\n`,
    ),
    'templates/cainjector.yaml': deployment('{{ .Release.Name }}-cert-manager-cainjector', of('cainjector.image')),
    'templates/webhook.yaml': deployment('{{ .Release.Name }}-cert-manager-webhook', of('webhook.image')),
    'templates/job.yaml': `apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-cert-manager-startupapicheck"}
spec:
  template:
    spec:
      restartPolicy: OnFailure
      ${SECRETS}
      containers:
        - {name: check, image: ${of('startupapicheck.image')}}
`,
  };
}

/** Images of {@link fluentBit}, the last one of a container that is off by default. */
export const FLUENT_BIT_IMAGES = [
  'cr.fluentbit.io/fluent/fluent-bit:5.1.1',
  'docker.io/library/busybox:latest',
  'ghcr.io/jimmidyson/configmap-reload:v0.15.0',
];

/** A chart with the images of fluent-bit, of which one is for a container that is off by default, and one for its test. */
export function fluentBit(): ChartFiles {
  const of = (path: string): string => `"{{ .Values.${path}.repository }}:{{ .Values.${path}.tag }}"`;
  const [main = '', , reload = ''] = FLUENT_BIT_IMAGES;
  const [repository = '', tag = ''] = main.split(':');
  const [reloadRepository = '', reloadTag = ''] = reload.split(':');
  return {
    'Chart.yaml': chartYaml('fluent-bit', '0.58.1'),
    'values.yaml': `image: {repository: ${repository}, tag: "${tag}"}\ntestFramework: {image: {repository: busybox, tag: latest}}\nhotReload: {enabled: false, image: {repository: ${reloadRepository}, tag: ${reloadTag}}}\n`,
    'templates/daemonset.yaml': `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: "{{ .Release.Name }}-fluent-bit", namespace: "{{ .Release.Namespace }}"}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - {name: fluent-bit, image: ${of('image')}}
{{- if .Values.hotReload.enabled }}
        - {name: reloader, image: ${of('hotReload.image')}}
{{- end }}
`,
    'templates/test.yaml': `apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: wget, image: ${of('testFramework.image')}}]}
`,
  };
}

/** A chart whose test has a name that no value changes. */
export function ollama(): ChartFiles {
  return {
    'Chart.yaml': chartYaml('ollama', '1.77.0'),
    'values.yaml': 'image: {repository: ollama/ollama, tag: "0.30.0"}\n',
    'templates/deployment.yaml': deployment(
      'ollama',
      '"{{ .Values.image.repository }}:{{ .Values.image.tag }}"',
      '',
    ).replace(/^.*imagePullSecrets[\s\S]*?end }}\n/m, ''),
    'templates/tests/test-connection.yaml': `${'#\n'.repeat(14)}apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
spec:
  containers:
    - name: wget
      image: busybox
`,
  };
}

/** A chart of the Prometheus operator, whose default images two of its arguments change. */
export function prometheusStack(): ChartFiles {
  return {
    'Chart.yaml': chartYaml('kube-prometheus-stack', '88.5.3'),
    'values.yaml':
      'image: {repository: quay.io/prometheus-operator/prometheus-operator, tag: v0.93.0}\nextraArgs: []\n',
    'templates/operator.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: operator}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - name: operator
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          args:
            - --log-level=info
            {{- with .Values.extraArgs }}{{ toYaml . | nindent 12 }}{{ end }}
`,
  };
}

/** A chart whose test has no value for pull secrets. */
export function ebsDriver(): ChartFiles {
  return {
    'Chart.yaml': chartYaml('aws-ebs-csi-driver', '2.64.0'),
    'values.yaml':
      'imagePullSecrets: []\nimage: {repository: public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver, tag: v1.64.0}\ntester: {repository: public.ecr.aws/ebs-csi-driver/tester, tag: v1}\n',
    'templates/controller.yaml': `apiVersion: v1
kind: Pod
metadata: {name: controller}
spec:
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toJson . }}
  {{- end }}
  containers: [{name: a, image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"}]
`,
    'templates/tests/helm-tester.yaml': `apiVersion: v1
kind: Pod
metadata: {name: ebs-csi-driver-test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: "{{ .Values.tester.repository }}:{{ .Values.tester.tag }}"}]}
`,
  };
}

/** A chart with containers in a list of its values. */
export function web(): ChartFiles {
  return {
    'Chart.yaml': chartYaml('web'),
    'values.yaml': 'image: quay.io/team/web:1\nextra: []\n',
    'templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - {name: web, image: "{{ .Values.image }}"}\n    {{- with .Values.extra }}{{ toYaml . | nindent 4 }}{{ end }}\n',
  };
}

/** A chart with components that are off, each with images of its own. */
export function grafana(): ChartFiles {
  const sidecars = ['alerts', 'dashboards', 'datasources', 'notifiers', 'plugins'].map(
    (name) =>
      `        {{- if .Values.sidecar.${name}.enabled }}\n        - {name: ${name}, image: "quay.io/kiwigrid/k8s-sidecar:1.30.0"}\n        {{- end }}\n`,
  );
  return {
    'Chart.yaml': chartYaml('grafana', '8.15.0'),
    'values.yaml': `imageRenderer: {enabled: false}\npersistence: {enabled: false}\nsidecar: {alerts: {enabled: false}, dashboards: {enabled: false}, datasources: {enabled: false}, notifiers: {enabled: false}, plugins: {enabled: false}}\n`,
    'templates/grafana.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-grafana"}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      {{- if .Values.persistence.enabled }}
      initContainers: [{name: chown, image: "docker.io/library/busybox:1.31.1"}]
      {{- end }}
      containers:
${sidecars.join('')}        - {name: grafana, image: "docker.io/grafana/grafana:11.6.1"}
{{- if .Values.imageRenderer.enabled }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-grafana-image-renderer"}
spec:
  selector: {matchLabels: {app: b}}
  template:
    metadata: {labels: {app: b}}
    spec: {containers: [{name: a, image: "docker.io/grafana/grafana-image-renderer:latest"}]}
{{- end }}
`,
  };
}

/** A chart that downloads its custom resource definitions, unless a value says otherwise. */
export function argoWorkflows(): ChartFiles {
  return {
    'Chart.yaml': chartYaml('argo-workflows', '1.0.18'),
    'values.yaml': 'crds: {full: true}\n',
    'templates/job.yaml': `{{- if .Values.crds.full }}
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-argo-workflows-crd-install"}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: crds
          image: docker.io/alpine/kubectl:1.33.0
          command: [sh, -c, "curl -LO https://raw.githubusercontent.com/argoproj/argo-workflows/v3.7.0/manifests/base/crds/full/a.yaml"]
{{- end }}
`,
  };
}
