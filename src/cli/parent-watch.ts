import type { Environment } from '../base/environment.ts';

/** Milliseconds between two looks at the parent. */
const INTERVAL = 500;

/**
 * Returns a signal that is aborted when Helm has ended. Helm 3 and 4 do not pass SIGTERM on to plugins (tried with 3.17.3 and
 * 4.1.4), so a server would go on, with its port, when a service manager or a script has stopped Helm. Without Helm as the
 * parent, the signal is never aborted: a shell that ends is no reason.
 */
export function helmEnded({ HELM_PLUGIN_NAME }: Environment): AbortSignal {
  const ended = new AbortController();
  const parent = process.ppid;
  if (HELM_PLUGIN_NAME === undefined || HELM_PLUGIN_NAME === '') return ended.signal;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended.abort();
  }, INTERVAL).unref();
  return ended.signal;
}
