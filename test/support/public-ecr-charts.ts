import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chartYaml, writeFiles } from './charts.ts';
import { helmUnderTest } from './cli.ts';
import { buildImage, pushBuilt, pushImage } from './images.ts';
import type { TestRegistry } from './registry.ts';

/** A chart with images of every kind for `public-ecr`, and registries that stand for the upstreams and for Public ECR. */

/** Registries that hold the images of {@link writeSiteChart}: `hub` and `quay` by prefix, and Public ECR. */
export interface PublicEcrRegistries {
  readonly upstream: TestRegistry;
  readonly publicEcr: TestRegistry;
}

/** Digest of the image that the chart pins, which is the same on every machine. */
export const PINNED = buildImage({ name: 'pinned busybox' }).digest;

/** Pushes the images. What is in both is the same, unless the name of its tag says otherwise. */
export async function pushSiteImages({ upstream, publicEcr }: PublicEcrRegistries): Promise<void> {
  const both = async (repository: string, equivalent: string, tag: string): Promise<string> => {
    const image = buildImage({ name: repository });
    await pushBuilt(publicEcr.host, equivalent, tag, image);
    return pushBuilt(upstream.host, repository, tag, image);
  };
  await both('hub/library/nginx', 'docker/library/nginx', '1.27.5');
  await both('hub/library/alpine', 'docker/library/alpine', '3.21');
  await both('hub/library/memcached', 'docker/library/memcached', '1.6');
  await both('hub/library/httpd', 'docker/library/httpd', '2.4');
  await both('hub/library/bash', 'docker/library/bash', '5');
  const signed = await both('hub/hashicorp/vault', 'hashicorp/vault', '1.19.3');
  await pushImage(upstream.host, 'hub/hashicorp/vault', `${signed.replace(':', '-')}.sig`);
  const pinned = buildImage({ name: 'pinned busybox' });
  await pushBuilt(upstream.host, 'hub/library/busybox', '1.36', pinned);
  await pushBuilt(publicEcr.host, 'docker/library/busybox', '1.36', pinned);
  await pushImage(upstream.host, 'quay/nginx/nginx-prometheus-exporter', '1.4.2');
  await pushImage(publicEcr.host, 'nginx/nginx-prometheus-exporter', '1.4.2', { name: 'built again' });
  await pushImage(upstream.host, 'hub/library/redis', '8.0', { name: 'redis' });
  await pushImage(publicEcr.host, 'docker/library/redis', '8.0', { name: 'redis', platforms: ['linux/amd64'] });
  await pushImage(upstream.host, 'hub/library/postgres', '16.9');
  await pushImage(publicEcr.host, 'aquasecurity/trivy', '0.60.0');
  await pushImage(publicEcr.host, 'eks/pause', '3.10');
}

const VALUES = `# The web server.
image:
  registry: docker.io # of all parts
  repository: library/nginx
  tag: "1.27.5"

exporter:
  image: 'quay.io/nginx/nginx-prometheus-exporter:1.4.2'
redis: {image: "redis:8.0"}
postgres:
  image:
    repository: postgres
    tag: "16.9"
vault:
  image: hashicorp/vault:1.19.3
scanner:
  image: ghcr.io/aquasecurity/trivy:0.60.0
kubectl:
  image: bitnami/kubectl:1.33.0
pause:
  image: public.ecr.aws/eks/pause:3.10
grafana:
  image: grafana/grafana:12.0.0
pinned:
  image: busybox:1.36@${PINNED}
init:
  image:
    name: alpine
    tag: "3.21"
test:
  image: bash:5
`;

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec:
      initContainers:
        - {name: init, image: "{{ .Values.init.image.name }}:{{ .Values.init.image.tag }}"}
      containers:
        - name: web
          image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        - name: exporter
          image: {{ .Values.exporter.image | quote }}
        - name: redis
          image: {{ .Values.redis.image }}
        - name: postgres
          image: {{ .Values.postgres.image.repository }}:{{ .Values.postgres.image.tag }}
        - name: vault
          image: {{ .Values.vault.image }}
        - name: scanner
          image: {{ .Values.scanner.image }}
        - name: kubectl
          image: {{ .Values.kubectl.image }}
        - name: pause
          image: {{ .Values.pause.image }}
        - name: grafana
          image: {{ .Values.grafana.image }}
        - name: pinned
          image: {{ .Values.pinned.image }}
        - name: literal
          image: httpd:2.4
`;

const TEST_POD = `apiVersion: v1
kind: Pod
metadata:
  name: site-test
  annotations: {helm.sh/hook: test}
spec:
  containers: [{name: test, image: {{ .Values.test.image }}}]
`;

const CACHE_POD = `apiVersion: v1
kind: Pod
metadata: {name: "{{ .Chart.Name }}"}
spec:
  containers: [{name: cache, image: "{{ .Values.image }}:1.6"}]
`;

/**
 * Writes the chart `site` with a subchart in a folder, one in an archive, and one whose values the parent sets.
 * @returns its folder
 */
export async function writeSiteChart(folder: string): Promise<string> {
  const site = join(folder, 'site');
  const subchart = (name: string) => ({
    'Chart.yaml': chartYaml(name),
    'values.yaml': 'image: memcached\n',
    'templates/pod.yaml': CACHE_POD,
  });
  const below = (path: string, files: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`${path}/${name}`, text]));
  await writeFiles(folder, below('packed', subchart('packed')));
  await writeFiles(site, {
    'Chart.yaml': chartYaml('site', '1.2.3'),
    'values.yaml': `${VALUES}given:\n  image: docker.io/memcached\n`,
    'templates/deployment.yaml': DEPLOYMENT,
    'templates/tests/test.yaml': TEST_POD,
    ...below('charts/cache', subchart('cache')),
    ...below('charts/given', subchart('given')),
  });
  execFileSync(helmUnderTest(), ['package', join(folder, 'packed'), '-d', join(site, 'charts')], { stdio: 'ignore' });
  await rm(join(folder, 'packed'), { recursive: true });
  return site;
}
