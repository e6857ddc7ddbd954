import type { Access, RefusedRequest } from '../../auth/authorizer.ts';
import type { AccessRefusal } from '../../auth/refusal.ts';
import { AirgapError, type ErrorCode, type MessageParts, messageOf } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import type { FileParts } from '../../bundle/files/random-file.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BlobNode } from '../../oci/graph.ts';
import type { Repository } from '../../oci/reference.ts';
import type { RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';

/** Registry settings of a thread, without credentials, which it requests from the main thread. */
export interface ThreadSettings
  extends Pick<RegistryAccess, 'mirrors' | 'plainHttp' | 'caFile' | 'clientCertificates'> {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Returns the settings for a thread. */
export function threadSettings(
  { env }: Pick<Context, 'env'>,
  { mirrors, plainHttp, caFile, clientCertificates = [] }: RegistryAccess,
): ThreadSettings {
  return { env: { ...env }, mirrors, plainHttp, clientCertificates, caFile };
}

/** A blob to fetch to an offset of the bundle, where `written` bytes of it exist already. */
export interface FetchJob {
  readonly job: number;
  readonly node: BlobNode;
  readonly parts: FileParts;
  readonly offset: number;
  readonly written: number;
  /** Repositories that are expected to serve the blob, for those of the node that have mirrors. */
  readonly expected: readonly { readonly named: Repository; readonly actual: Repository }[];
}

/** Request to the authorizer of the main thread, the only one that knows credentials. */
export interface AuthorizationRequest {
  readonly question: number;
  readonly access: Access;
  /** Response that refused the previous authorization, if any. */
  readonly refused?: {
    readonly challenge: string | readonly string[] | undefined;
    readonly sent: string | undefined;
  };
  /** Final refusal to be explained. The answer is then an `explanation` instead of a header. */
  readonly explain?: RefusedRequest;
}

export type ToThread =
  | ({ readonly type: 'fetch' } & FetchJob)
  | { readonly type: 'answer'; readonly question: number; readonly header: string | undefined }
  | { readonly type: 'explanation'; readonly question: number; readonly refusal: AccessRefusal }
  | { readonly type: 'refusal'; readonly question: number; readonly error: SerializedError }
  | { readonly type: 'abort' };

export type FromThread =
  | ({ readonly type: 'question' } & AuthorizationRequest)
  | { readonly type: 'checkpoint'; readonly job: number; readonly digest: Digest; readonly bytes: number }
  | { readonly type: 'event'; readonly event: AirgapEvent }
  | { readonly type: 'done'; readonly job: number; readonly fetched: number }
  | { readonly type: 'failed'; readonly job: number; readonly error: SerializedError };

/** Serialized error for messages between threads, without `cause`, which may not be serializable. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly parts: MessageParts;
  readonly hint: string | undefined;
  readonly causes: readonly SerializedError[];
}

export function serializeError(error: unknown): SerializedError {
  if (error instanceof AirgapError) {
    const { code, reason, parts, hint, causes } = error;
    return { code, reason, parts, hint, causes: causes.map(serializeError) };
  }
  return { code: 'network', reason: messageOf(error), parts: {}, hint: undefined, causes: [] };
}

export function deserializeError({ code, reason, parts, hint, causes }: SerializedError): AirgapError {
  return new AirgapError(code, reason, { ...parts, hint, causes: causes.map(deserializeError) });
}

/** Number of blobs read at the same time. */
export interface ConcurrencyRange {
  /** For nearby registries, where more connections do not help. */
  readonly near: number;
  /** For distant registries, where latency dominates. At least `near`. */
  readonly far: number;
}

/** Latency in milliseconds up to which `near` connections are enough, measured with 500 blobs of 340 kB. */
const NEAR_LATENCY = 40;

/**
 * Returns the number of blobs to read at the same time, proportional to the latency (in milliseconds) between the two
 * limits. More connections hide latency: 64 take 0.85 of the time of 32 at 80 ms, and 0.7 at 150 ms.
 */
export function concurrencyFor(latency: number, { near, far }: ConcurrencyRange): number {
  return Math.max(near, Math.min(far, Math.round((near * latency) / NEAR_LATENCY)));
}
