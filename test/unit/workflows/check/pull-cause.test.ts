import { describe, expect, it } from 'vitest';
import { pullCause } from '../../../../src/workflows/check/pull-cause.ts';

const IMAGE = 'r.example:5000/m/a:1';
const containerd = `failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": `;

// Messages of kubelet 1.34 with containerd 1.6 (tried), and of CRI-O 1.30.
describe('the cause of a failed pull', () => {
  it.each([
    [`rpc error: code = NotFound desc = ${containerd}${IMAGE}: not found`, 'not found'],
    [
      `Back-off pulling image "${IMAGE}": ErrImagePull: rpc error: code = NotFound desc = ${containerd}${IMAGE}: not found`,
      'not found',
    ],
    [
      `${containerd}pulling from host r.example:5000 failed with status code [manifests 1]: 401 Unauthorized`,
      'pulling from host r.example:5000 failed with status code: 401 Unauthorized',
    ],
    [
      `${containerd}failed to do request: Head "https://r.example:5000/v2/m/a/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      `${containerd}failed to do request: Head "https://r.example:5000/v2/m/a/manifests/1": dial tcp 192.0.2.1:5000: connect: connection refused`,
      'dial tcp 192.0.2.1:5000: connect: connection refused',
    ],
    [
      `unable to pull image or OCI artifact: pull image err: initializing source docker://${IMAGE}: reading manifest 1 in r.example:5000/m/a: manifest unknown`,
      'manifest unknown',
    ],
    [
      `Container image "${IMAGE}" is not present with pull policy of Never`,
      'Container image "the image" is not present with pull policy of Never',
    ],
    [`Back-off pulling image "${IMAGE}"`, ''],
    ['', ''],
  ])('%s', (message, cause) => {
    expect(pullCause(message, IMAGE)).toBe(cause);
  });
});
