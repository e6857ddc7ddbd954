/** What a field holds. */
export type FieldContent =
  /** One reference. */
  | 'reference'
  /** Text in which references are words: values of variables, arguments, a Dockerfile. */
  | 'words'
  | 'namespace'
  /** An object reference, `{kind, name, namespace}`, to an image stream or to an image by its reference. */
  | 'object-reference'
  /** The JSON of the annotation `image.openshift.io/triggers`. */
  | 'triggers';

/** Fields of an object that name images or namespaces. */
export interface WorkloadField {
  /** Keys from the root of the object; `*` for the items of a list. */
  readonly keys: readonly string[];
  readonly content: FieldContent;
}

const field = (path: string, content: FieldContent): WorkloadField => ({ keys: path.split('.'), content });

/** Fields of a Pod's specification (k8s.io/api/core/v1). */
function podFields(spec: string): WorkloadField[] {
  const lists = ['initContainers', 'containers', 'ephemeralContainers'];
  const containers = lists.flatMap((list) => containerFields(`${spec}.${list}.*`));
  return [...containers, field(`${spec}.volumes.*.image.reference`, 'reference')];
}

function containerFields(container: string): WorkloadField[] {
  const words = ['env.*.value', 'command.*', 'args.*'].map((path) => field(`${container}.${path}`, 'words'));
  return [field(`${container}.image`, 'reference'), ...words];
}

const METADATA: readonly WorkloadField[] = [
  field('metadata.namespace', 'namespace'),
  // Read by the image trigger controller for every workload with a Pod template.
  { keys: ['metadata', 'annotations', 'image.openshift.io/triggers'], content: 'triggers' },
];

/** Hooks of a DeploymentConfig that run a Pod (apps.openshift.io/v1). */
const DEPLOYMENT_HOOKS = ['rollingParams', 'recreateParams'].flatMap((params) =>
  ['pre', 'mid', 'post'].flatMap((hook) =>
    ['env.*.value', 'command.*'].map((path) => field(`spec.strategy.${params}.${hook}.execNewPod.${path}`, 'words')),
  ),
);

const DEPLOYMENT_CONFIG: readonly WorkloadField[] = [
  field('spec.triggers.*.imageChangeParams.from', 'object-reference'),
  field('spec.triggers.*.imageChangeParams.lastTriggeredImage', 'reference'),
  field('spec.strategy.customParams.image', 'reference'),
  field('spec.strategy.customParams.environment.*.value', 'words'),
  field('spec.strategy.customParams.command.*', 'words'),
  ...DEPLOYMENT_HOOKS,
];

/** build.openshift.io/v1 */
const BUILD_CONFIG: readonly WorkloadField[] = [
  field('spec.output.to', 'object-reference'),
  ...['sourceStrategy', 'dockerStrategy', 'customStrategy', 'jenkinsPipelineStrategy'].flatMap((strategy) => [
    field(`spec.strategy.${strategy}.from`, 'object-reference'),
    field(`spec.strategy.${strategy}.env.*.value`, 'words'),
  ]),
  field('spec.strategy.dockerStrategy.buildArgs.*.value', 'words'),
  field('spec.source.images.*.from', 'object-reference'),
  field('spec.source.dockerfile', 'words'),
  field('spec.triggers.*.imageChange.from', 'object-reference'),
  field('spec.triggers.*.imageChange.lastTriggeredImageID', 'reference'),
];

/** image.openshift.io/v1 */
const IMAGE_STREAM: readonly WorkloadField[] = [
  field('spec.tags.*.from', 'object-reference'),
  field('spec.dockerImageRepository', 'reference'),
];

const POD_TEMPLATE = podFields('spec.template.spec');

const FIELDS: ReadonlyMap<string, readonly WorkloadField[]> = new Map([
  ['Pod', podFields('spec')],
  ['CronJob', podFields('spec.jobTemplate.spec.template.spec')],
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicaSet', 'ReplicationController'].map(
    (kind) => [kind, POD_TEMPLATE] as const,
  ),
  ['DeploymentConfig', [...POD_TEMPLATE, ...DEPLOYMENT_CONFIG]],
  ['BuildConfig', BUILD_CONFIG],
  ['ImageStream', IMAGE_STREAM],
]);

/** API groups of these kinds; the empty one has Pods, and in OpenShift 3 all others. */
const GROUPS: ReadonlySet<string> = new Set([
  ...['', 'apps', 'batch', 'extensions'],
  ...['apps', 'build', 'image'].map((group) => `${group}.openshift.io`),
]);

/** Returns the fields of a kind that name images and namespaces; undefined for a kind that is not rewritten. */
export function workloadFields(kind: string, group: string): readonly WorkloadField[] | undefined {
  const fields = GROUPS.has(group) ? FIELDS.get(kind) : undefined;
  return fields && [...METADATA, ...fields];
}

/** Kinds that record what happened in a cluster: an export has them, but no cluster gets them from it. */
const RECORDS = new Set(['Build', 'Event', 'Image', 'ImageTag', 'ImageStreamTag', 'ImageStreamImage']);

/** Reports whether objects of a kind are no configuration, so that what they name does not matter elsewhere. */
export function isRecord(kind: string): boolean {
  return RECORDS.has(kind);
}
