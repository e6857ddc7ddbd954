/**
 * What a long run reports while it works. Steps emit, `ui/` draws; neither knows the other.
 * Bytes are bytes of content on the wire or in the archive, never including what was skipped because it was there.
 */
export type AirgapEvent =
  | { readonly type: 'stage'; readonly message: string }
  | { readonly type: 'plan'; readonly blobs: number; readonly bytes: number }
  | { readonly type: 'blob'; readonly digest: string; readonly bytes: number; readonly skipped: boolean }
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'image'; readonly reference: string; readonly digest: string }
  | { readonly type: 'retry'; readonly what: string; readonly attempt: number; readonly reason: string }
  | { readonly type: 'warning'; readonly message: string };

export type Emit = (event: AirgapEvent) => void;

/** For callers that do not listen. */
export const silent: Emit = () => {};
