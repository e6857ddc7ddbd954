/**
 * Events of a run: the only way in which workflows tell what happens. `cli/progress/` shows them, `cli/progress/log.ts`
 * writes them to logs; neither side depends on the other.
 *
 * - `step` to `step-end`: a part of the run that may take long, such as a render; see `runStep`. Steps may overlap.
 * - `plan`, `blob`, `bytes`, `image`: a transfer. Plans add up.
 * - `estimate` and `upload`: what a transfer will do, before its first byte.
 * - `retry`, `warning`, `note`: for people. A note tells what they would not expect; it is not a step.
 * - `transfer`, `served`, `listening`, `request`, `failure`: for logs.
 */
export type AirgapEvent = EventContent & {
  /** `REGISTRY[/PREFIX]` that content goes to: with `upload`, and with all events of a push to several targets. */
  readonly target?: string;
};

type EventContent =
  | Step
  | { readonly type: 'step-progress'; readonly step: string; readonly done: number }
  | { readonly type: 'step-end'; readonly step: string }
  | Plan
  | Bytes
  | {
      readonly type: 'blob';
      readonly digest: string;
      readonly bytes: number;
      /** `started` comes again if the transfer begins again. `present`: nothing had to be transferred. */
      readonly status: 'started' | 'done' | 'present' | 'failed';
      /** With `started`: bytes that need not be transferred because an earlier attempt has done so. */
      readonly position?: number;
    }
  /** An image or chart is complete at its destination. */
  | { readonly type: 'image'; readonly reference: string; readonly digest: string }
  | { readonly type: 'estimate'; readonly estimate: Estimate }
  | Upload
  | Transfer
  | ServedContent
  /** The run waits for requests from here on: there is no progress to show. */
  | { readonly type: 'listening'; readonly address: string }
  | ({ readonly type: 'request' } & AnsweredRequest)
  | { readonly type: 'failure'; readonly code: string; readonly message: string }
  | Retry
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string };

/** Start of a step. */
interface Step {
  readonly type: 'step';
  /** Identifies the step in later events. */
  readonly step: string;
  /** What the run does or waits for: `rendering app 1.2.3`. */
  readonly title: string;
  /** Number of items that the step handles, such as requests. */
  readonly total?: number;
}

/** Content that a transfer will handle. A blob that several images need is planned once. */
export interface Plan {
  readonly type: 'plan';
  /** What happens to the content: `fetching`, `uploading referrers`. */
  readonly activity: string;
  /** Items, each of which an `image` event will report: their number, and what they are (`images`, `tags`). */
  readonly items?: { readonly total: number; readonly noun: string };
  readonly blobs: readonly PlannedBlob[];
}

interface PlannedBlob {
  readonly digest: string;
  readonly bytes: number;
  /** Image, chart or file that needs the blob; the first if there are several. */
  readonly owner?: string;
}

/** Content that was received, sent or read. */
interface Bytes {
  readonly type: 'bytes';
  /** Bytes since the last event. */
  readonly bytes: number;
  /** Blob that they belong to, if the sender knows. */
  readonly digest?: string;
}

export interface Retry {
  readonly type: 'retry';
  readonly what: string;
  readonly attempt: number;
  readonly reason: string;
  /** Blob whose transfer is tried again. */
  readonly digest?: string;
}

/** What a push will send to a target, known after its tags were compared. */
export interface Upload {
  readonly type: 'upload';
  /** Tags to write, and tags that have the content already. */
  readonly tags: number;
  readonly unchanged: number;
  /** Repositories of these tags. */
  readonly repositories: number;
  /** Blobs of these tags, each once, and their bytes. Those that the target has are not uploaded. */
  readonly blobs: number;
  readonly bytes: number;
  /** One of the images or charts, and its name in the target; absent if nothing is written. */
  readonly example?: { readonly from: string; readonly to: string };
}

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

/**
 * Content that another repository served than the one that was expected: for an image the named repository, for a blob or
 * child the repository that served the image.
 */
interface ServedContent {
  readonly type: 'served';
  readonly item: 'blob' | 'manifest';
  /** As it is named: `registry/path:tag` or `registry/path@digest`. */
  readonly reference: string;
  readonly digest: string;
  /** Repository that served it, `registry/path`. */
  readonly repository: string;
}

/** One request that `serve` has answered. All of it but status and sizes is the client's word. */
export interface AnsweredRequest {
  /** IP address. */
  readonly client: string;
  readonly method: string;
  /** Path and query, shortened. */
  readonly target: string;
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
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
