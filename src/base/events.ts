/**
 * What a long run reports while it works. Steps emit, `ui/` draws; neither knows the other.
 * Bytes are bytes of content on the wire or in the archive, never including what was skipped because it was there.
 */
export type AirgapEvent =
  | { readonly type: 'stage'; readonly message: string }
  | { readonly type: 'plan'; readonly blobs: number; readonly bytes: number }
  | { readonly type: 'blob'; readonly digest: string; readonly bytes: number; readonly skipped: boolean }
  | { readonly type: 'bytes'; readonly bytes: number }
  | Transfer
  | { readonly type: 'failure'; readonly code: string; readonly message: string }
  | { readonly type: 'estimate'; readonly estimate: Estimate }
  | { readonly type: 'image'; readonly reference: string; readonly digest: string }
  | { readonly type: 'retry'; readonly what: string; readonly attempt: number; readonly reason: string }
  | { readonly type: 'warning'; readonly message: string };

/** One blob or manifest on its way to a registry that came to an end, for logs. What was there is no transfer. */
export interface Transfer {
  readonly type: 'transfer';
  readonly item: 'blob' | 'manifest';
  readonly digest: string;
  /** Its size. */
  readonly bytes: number;
  /** `registry/path` that it is for, and its tag when it has one there. */
  readonly repository: string;
  readonly tag?: string;
  readonly status: 'stored' | 'mounted' | 'failed';
  readonly seconds: number;
}

/** What a bundle is going to cost, known before its first layer is fetched. Bytes, unless said otherwise. */
export interface Estimate {
  /** How many of each the bundle holds; manifests count as blobs. */
  readonly charts: number;
  readonly images: number;
  readonly blobs: number;
  /** The file. */
  readonly size: number;
  /** What the file would have more if every image had its own layers. */
  readonly shared: number;
  /** To be fetched from registries, taken from earlier bundles, and kept of an interrupted run. */
  readonly fetched: number;
  readonly reused: number;
  readonly resumed: number;
  /** What the disk has to have free, and has. */
  readonly needed: number;
  readonly free: number;
  /** What registries said of their limits while manifests were read. Reading layers does not count. */
  readonly quotas: readonly Quota[];
}

/** A registry's limit on pulls, as Docker Hub has one. */
export interface Quota {
  readonly registry: string;
  /** Pulls that are left. */
  readonly remaining: number;
  /** Pulls that are allowed, where the registry says so. */
  readonly limit?: number;
  /** Seconds that the limit is for, where the registry says so. */
  readonly seconds?: number;
}

export type Emit = (event: AirgapEvent) => void;

/** For callers that do not listen. */
export const silent: Emit = () => {};
