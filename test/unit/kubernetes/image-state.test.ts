import { describe, expect, it } from 'vitest';
import { type ContainerStatus, imageState } from '../../../src/kubernetes/image-state.ts';

const status = (state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  imageID: '',
  lastState: {},
  state,
  ...more,
});
const waiting = (reason: string, message = ''): ContainerStatus['state'] => ({ waiting: { reason, message } });

describe('the state of an image', () => {
  it.each([
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'ErrImageNeverPull',
    'ImageInspectError',
    'RegistryUnavailable',
    'SignatureValidationFailed',
  ])("is a failed pull with the kubelet's reason %s", (reason) => {
    const found = imageState(status(waiting(reason, 'why'), { imageID: 'x' }), undefined, false);
    expect(found).toEqual({ state: 'cannot-pull', reason, message: 'why' });
  });

  it.each<[string, ContainerStatus]>([
    ['running', status({ running: {} })],
    ['ended', status({ terminated: { reason: 'Completed' } })],
    ['not started, because the image has no such program', status({ terminated: { reason: 'StartError' } })],
    ['restarting', status(waiting('CrashLoopBackOff'))],
    ['without its ConfigMap', status(waiting('CreateContainerConfigError'))],
    ['not created, because the image has no such program', status(waiting('CreateContainerError'))],
    ['being restarted', status(waiting('ContainerCreating'), { lastState: { terminated: { reason: 'Error' } } })],
    ['lost, but known by its image', status({ terminated: { reason: 'ContainerStatusUnknown' } }, { imageID: 'x' })],
  ])('is pulled if the container is %s', (_, found) => {
    expect(imageState(found, undefined, false)).toEqual({ state: 'pulled' });
  });

  it('is waiting before the node has tried, with the reason', () => {
    expect(imageState(undefined, undefined, false)).toEqual({ state: 'waiting' });
    expect(imageState(status(waiting('PodInitializing')), undefined, false)).toEqual({
      state: 'waiting',
      reason: 'PodInitializing',
    });
    const unscheduled = { reason: 'Unschedulable', message: '0/1 nodes' };
    expect(imageState(undefined, unscheduled, false)).toEqual({ state: 'waiting', ...unscheduled });
  });

  it('is of no interest if the Pod has ended without it', () => {
    expect(imageState(undefined, undefined, true)).toEqual({ state: 'ended' });
    const lost = status({ terminated: { reason: 'ContainerStatusUnknown' } });
    expect(imageState(lost, undefined, true)).toEqual({ state: 'ended' });
  });

  it('has no message without end', () => {
    const { message, reason } = imageState(status(waiting('ErrImagePull', 'x'.repeat(1e6))), undefined, false);
    expect(message).toHaveLength(2000);
    expect(reason).toBe('ErrImagePull');
  });
});
