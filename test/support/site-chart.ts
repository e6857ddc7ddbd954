import { chartYaml } from './charts.ts';

/** A chart with a component that is off by default, as a site would switch it on. Independent of src/. */

/** Repositories of its images: a Deployment, a Job, and the Deployment that is off by default. */
export const [WEB, JOB, METRICS] = ['quay.io/team/web', 'quay.io/team/job', 'quay.io/team/metrics'] as const;

/** Its images. */
export const SITE_IMAGES = [`${WEB}:1.4`, `${JOB}:3`, `${METRICS}:2.0`];

/** Values that switch the component on. */
export const SITE_VALUES = 'metrics:\n  enabled: true\n';

const pod = (image: string, more = ''): string => `{containers: [{name: main, image: "${image}"}]${more}}`;
const deployment = (name: string, image: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  selector: {matchLabels: {app: ${name}}}\n  template: {metadata: {labels: {app: ${name}}}, spec: ${pod(image)}}\n`;
const nameOf = (values: string): string => `{{ ${values}.registry }}/{{ ${values}.repository }}:{{ ${values}.tag }}`;
/** Its files, by path. */
export const SITE_CHART = {
  'Chart.yaml': chartYaml('shop', '1.4.0'),
  'values.yaml': [
    'image: {registry: quay.io, repository: team/web, tag: "1.4"}',
    'job: {image: {registry: quay.io, repository: team/job, tag: "3"}}',
    'metrics: {enabled: false, image: {registry: quay.io, repository: team/metrics, tag: "2.0"}}',
    '',
  ].join('\n'),
  'templates/web.yaml': deployment('web', nameOf('.Values.image')),
  'templates/job.yaml': `apiVersion: batch/v1\nkind: Job\nmetadata: {name: setup}\nspec: {template: {spec: ${pod(nameOf('.Values.job.image'), ', restartPolicy: Never')}}}\n`,
  'templates/metrics.yaml': `{{ if .Values.metrics.enabled }}\n${deployment('metrics', nameOf('.Values.metrics.image'))}{{ end }}\n`,
};
