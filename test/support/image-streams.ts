/** Image streams of OpenShift in the form of the API (image.openshift.io/v1), shortened. */

/** Address of the internal registry of OpenShift 4. */
export const INTERNAL = 'image-registry.openshift-image-registry.svc:5000';

/** A tag: fields of `spec.tags` and `status.tags`. */
export interface TestTag {
  readonly from?: Readonly<Record<string, string>>;
  readonly policy?: 'Source' | 'Local';
  readonly reference?: true;
  /** `dockerImageReference` and digest of the images, the newest first. */
  readonly images?: readonly (readonly [reference: string, digest: string])[];
  /** Message of a failed import. */
  readonly failure?: string;
}

/** Returns an ImageStream. @param name `NAMESPACE/STREAM` */
export function imageStream(name: string, tags: Readonly<Record<string, TestTag>>, more: object = {}): object {
  const [namespace, stream] = name.split('/');
  const entries = Object.entries(tags);
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name: stream, namespace, ...more },
    spec: {
      tags: entries.flatMap(([tag, { from, policy, reference }]) =>
        from === undefined ? [] : [{ name: tag, from, reference, referencePolicy: { type: policy ?? 'Source' } }],
      ),
    },
    status: {
      dockerImageRepository: `${INTERNAL}/${name}`,
      tags: entries.flatMap(([tag, { images, failure }]) =>
        images === undefined && failure === undefined
          ? []
          : [
              {
                tag,
                items: images?.map(([dockerImageReference, image]) => ({ dockerImageReference, image })) ?? null,
                ...(failure !== undefined && {
                  conditions: [{ type: 'ImportSuccess', status: 'False', message: failure }],
                }),
              },
            ],
      ),
    },
  };
}

/** Returns an image in the internal registry, as a tag has it after a push. @param name `NAMESPACE/STREAM` */
export function pushed(name: string, digest: string): readonly [string, string] {
  return [`${INTERNAL}/${name}@${digest}`, digest];
}

/** Returns a BuildConfig that writes an ImageStreamTag. @param name `NAMESPACE/NAME` */
export function buildConfig(name: string, output: string): object {
  const [namespace, config] = name.split('/');
  const to = { kind: 'ImageStreamTag', name: output };
  return {
    apiVersion: 'build.openshift.io/v1',
    kind: 'BuildConfig',
    metadata: { name: config, namespace },
    spec: { output: { to }, strategy: { type: 'Docker' } },
  };
}
