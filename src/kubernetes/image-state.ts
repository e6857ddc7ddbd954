/** What a node did with the image of a container. */
export interface ImageState {
  /**
   * `pulled`: the container was started once, or could not be for another reason. `waiting`: the node has not pulled it yet.
   * `ended`: the Pod has ended without it.
   */
  readonly state: 'pulled' | 'cannot-pull' | 'waiting' | 'ended';
  /** Kubernetes' word for why it is not pulled, such as ImagePullBackOff or ContainerCreating. */
  readonly reason?: string;
  /** The kubelet's message, which quotes the runtime's. */
  readonly message?: string;
}

/** The fields of a container's status that tell it. */
export interface ContainerStatus {
  readonly imageID: string;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
}

interface ContainerState {
  readonly waiting?: { readonly reason: string; readonly message: string } | null | undefined;
  readonly running?: object | null | undefined;
  readonly terminated?: { readonly reason: string } | null | undefined;
}

/**
 * Reasons of a waiting container whose image the node could not get: pkg/kubelet/images/types.go of kubernetes v1.34.4, and
 * the last two of k8s.io/cri-api/pkg/errors, which the runtime reports.
 */
const IMAGE_FAILURES: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/**
 * Reasons of a waiting container whose image is on the node: `startContainer` of pkg/kubelet/kuberuntime/
 * kuberuntime_container.go pulls it first. CRI-O reports a command that the image does not have as CreateContainerError.
 */
const AFTER_PULL: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
]);

/** Maximum characters of a message. The kubelet's repeat the name of the image several times. */
const MESSAGE_LIMIT = 2000;

/**
 * Returns what a node did with the image of a container.
 * @param status undefined if the node has not seen the Pod
 * @param unscheduled the condition that says why no node has it
 * @param hasEnded the Pod has ended or is being deleted
 */
export function imageState(
  status: ContainerStatus | undefined,
  unscheduled: { readonly reason: string; readonly message: string } | undefined,
  hasEnded: boolean,
): ImageState {
  const { waiting, running, terminated } = status?.state ?? {};
  if (waiting && IMAGE_FAILURES.has(waiting.reason)) return { state: 'cannot-pull', ...wordsOf(waiting) };
  // The node has lost the container (pkg/kubelet/kubelet_pods.go): only an imageID then says that there was one.
  const isLost = terminated?.reason === 'ContainerStatusUnknown';
  const hasStarted =
    running || (terminated && !isLost) || status?.lastState.terminated || (waiting && AFTER_PULL.has(waiting.reason));
  // A runtime may report an imageID before the container is started, but never before the image is pulled.
  if (hasStarted || (status?.imageID ?? '') !== '') return { state: 'pulled' };
  if (hasEnded) return { state: 'ended' };
  return { state: 'waiting', ...wordsOf(waiting ?? unscheduled ?? { reason: '', message: '' }) };
}

function wordsOf({
  reason,
  message,
}: {
  readonly reason: string;
  readonly message: string;
}): Omit<ImageState, 'state'> {
  return {
    ...(reason !== '' && { reason: reason.slice(0, 200) }),
    ...(message !== '' && { message: message.slice(0, MESSAGE_LIMIT) }),
  };
}
