import { userEnvironment } from '../auth/credential-files.ts';
import { fileKeychain } from '../auth/file-keychain.ts';
import { type GivenLogin, givenKeychain } from '../auth/given-login.ts';
import { chainKeychains } from '../auth/keychain.ts';
import { variableKeychain } from '../auth/variable-keychain.ts';
import { ECR_PUBLIC_HOST, type EcrHostDeclaration, ecrHost } from '../ecr/hosts.ts';
import { ecrKeychain, ecrPublicKeychain } from '../ecr/keychain.ts';
import { ecrLayers } from '../ecr/layers.ts';
import type { EcrOptions } from '../ecr/options.ts';
import { ecrPace } from '../ecr/pace.ts';
import type { ClientCertificate } from '../http/client-certificate.ts';
import { createTransport, type Transport } from '../http/transport.ts';
import { createRegistryClient, type RegistryClient } from '../registry/client.ts';
import type { Context } from './context.ts';

/** How registries are reached. */
export interface RegistryAccess {
  /** A registry, `host/path` or `*`, and the place that is read instead. */
  readonly mirrors: readonly { readonly from: string; readonly to: string }[];
  /** Hosts that speak HTTP without TLS. */
  readonly plainHttp: readonly string[];
  /** PEM file of further certificate authorities. */
  readonly caFile?: string;
  /** Client certificates by host, besides those of certs.d folders. */
  readonly clientCertificates?: readonly ClientCertificate[];
  /** The login of one registry that was given on the command line. */
  readonly login?: GivenLogin;
  /** Registries that the user has named, so that no chart has invented them. */
  readonly named?: readonly string[];
  /** Something is sent to them: what they redirect to gets no credentials of others. Default false. */
  readonly isTarget?: boolean;
  /** Endpoint of the ECR API. */
  readonly endpointUrl?: string;
  /** Profile of the AWS configuration files, and a role to be assumed. */
  readonly profile?: string;
  readonly roleArn?: string;
  /** Hosts that are ECR though their name does not say so. */
  readonly ecrHosts?: readonly EcrHostDeclaration[];
}

export interface Connection {
  /** For every registry, with credentials of the command line, of variables, of ECR and ECR Public, of the auth files. */
  readonly client: RegistryClient;
  /** The same way out, for the ECR API. */
  readonly ecr: EcrOptions;
}

/**
 * Connects to registries; close the client when done.
 * @param once ends whatever is asked; nothing is asked a second time then
 */
export function connect(
  { env, emit, signal }: Context,
  {
    mirrors,
    plainHttp,
    caFile,
    clientCertificates = [],
    endpointUrl,
    profile,
    roleArn,
    ecrHosts,
    login,
    named = [],
    isTarget = false,
  }: RegistryAccess,
  once?: AbortSignal,
): Connection {
  const trust = { clientCertificates, ...(caFile === undefined ? {} : { caFile }) };
  const patient: Transport = createTransport({ env, plainHttp, emit, ...trust });
  const transport = once === undefined ? patient : impatient(patient, once);
  const ecr: EcrOptions = {
    env,
    emit,
    ...(signal && { signal }),
    certificates: () => transport.certificates(),
    hostCertificates: (host) => transport.hostCertificates(host),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
    ...(profile === undefined ? {} : { profile }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(ecrHosts === undefined ? {} : { hosts: ecrHosts }),
  };
  const keychain = chainKeychains(
    ...(login === undefined ? [] : [givenKeychain(login)]),
    variableKeychain(env, named),
    ecrKeychain(ecr),
    ecrPublicKeychain(ecr),
    fileKeychain({ ...userEnvironment(env), emit }),
  );
  const mountsNamedOnly = (registry: string): boolean =>
    registry === ECR_PUBLIC_HOST || ecrHost(registry, ecrHosts) !== undefined;
  return {
    client: createRegistryClient({
      keychain,
      transport,
      mirrors,
      mountsNamedOnly,
      isTarget,
      emit,
      pace: ecrPace(ecrHosts),
      askBlobs: ecrLayers(ecr),
    }),
    ecr,
  };
}

function impatient(transport: Transport, signal: AbortSignal): Transport {
  return {
    ...transport,
    request: (request) => transport.request({ ...request, retry: false, signal }),
    retrier: { again: async () => false },
  };
}
