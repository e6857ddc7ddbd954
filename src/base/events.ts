/**
 * Events of a long run. Workflows emit them, `cli/reports/` displays them; neither depends on the other.
 * `bytes` counts content transferred or written; skipped content does not count. A `plan` adds to earlier ones.
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

/** One finished upload of a blob or manifest, for logs. Content that the registry already has causes no event. */
export interface Transfer {
  readonly type: 'transfer';
  readonly item: 'blob' | 'manifest';
  readonly digest: string;
  /** Size of the blob or manifest. */
  readonly bytes: number;
  /** Target, `registry/path`. */
  readonly repository: string;
  readonly tag?: string;
  readonly status: 'stored' | 'mounted' | 'failed';
  readonly seconds: number;
}

/** Size of a bundle and the transfers that it needs, known before the first layer is fetched. In bytes unless noted. */
export interface Estimate {
  /** Counts of the bundle's contents; manifests count as blobs. */
  readonly charts: number;
  readonly images: number;
  readonly blobs: number;
  /** Size of the bundle file. */
  readonly size: number;
  /** Bytes saved because images share layers. */
  readonly shared: number;
  /** Bytes to fetch from registries, to copy from earlier bundles, and kept from an interrupted run. */
  readonly fetched: number;
  readonly reused: number;
  readonly resumed: number;
  /** Disk space that is needed, and that is free. */
  readonly needed: number;
  readonly free: number;
  /** Pull limits that registries reported while manifests were read. Fetching layers does not count against them. */
  readonly quotas: readonly Quota[];
}

/** Pull limit of a registry such as Docker Hub. */
export interface Quota {
  readonly registry: string;
  /** Pulls left. */
  readonly remaining: number;
  /** Allowed pulls, if the registry reports them. */
  readonly limit?: number;
  /** Window of the limit in seconds, if the registry reports it. */
  readonly seconds?: number;
}

export type Emit = (event: AirgapEvent) => void;

/** Discards all events. */
export const ignoreEvents: Emit = () => {};
