import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import { runStep } from '../base/step.ts';
import type { NestedChart } from '../discovery/nested/index.ts';
import { hostPortOf } from '../helm/addresses.ts';
import type { ChartSources } from '../helm/chart-mirrors.ts';
import type { AllowAddress } from '../helm/fetch.ts';
import { checkPublicAddress, type ResolveHost } from '../helm/public-address.ts';
import type { ValuesTrace } from './values-trace.ts';

/** A host that only charts have named, and the charts requested from it. */
export interface AskedHost {
  /** Including the port. */
  readonly host: string;
  readonly charts: readonly string[];
}

/**
 * Decides whether addresses of nested charts may be requested, and records their hosts. Hosts that the user has named
 * anywhere are allowed; other hosts must be public and use TLS, and the address must not depend on the user's own
 * values.
 */
export class NestedHosts {
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #emit: Emit;
  readonly #resolve: ResolveHost | undefined;
  readonly #requested = new Map<string, Set<string>>();

  constructor({ allowedHosts = new Set() }: ChartSources, emit: Emit, resolve?: ResolveHost) {
    this.#allowedHosts = allowedHosts;
    this.#emit = emit;
    this.#resolve = resolve;
  }

  /**
   * Returns the check of the addresses that are requested for a nested chart.
   * @param parent the chart that declares the nested chart
   * @param trace of the values given to the parent
   */
  allow(nested: NestedChart, parent: string, trace: ValuesTrace | undefined): AllowAddress {
    return async (address) => {
      // Without a repository the chart can only come from a catch-all mirror or an embedded archive.
      if (address === '' || nested.content !== undefined) return;
      const host = hostPortOf(address);
      const isAllowed = host !== undefined && this.#allowedHosts.has(host);
      // Hosts of repositories in the user's values are named by the user.
      if (host !== undefined && trace?.hosts.has(host)) return;
      if (!isAllowed && trace !== undefined) {
        const title = `checking whether ${printableLine(host ?? address)} depends on your values`;
        const check = (): Promise<boolean> => trace.dependsOnValues(nested, this.#allowedHosts);
        if (await runStep(this.#emit, title, check)) throw valuesAddressError(host);
      }
      await checkPublicAddress(address, this.#allowedHosts, this.#resolve);
      if (isAllowed || host === undefined) return;
      const charts = this.#requested.get(host);
      if (charts === undefined) {
        this.#emit({ type: 'note', message: `requesting charts from ${host} (declared by ${parent})` });
        this.#requested.set(host, new Set([nested.name]));
      } else charts.add(nested.name);
    };
  }

  /** Returns the hosts from which charts were requested and that only charts have named, in alphabetical order. */
  askedHosts(): AskedHost[] {
    return [...this.#requested]
      .map(([host, charts]) => ({ host, charts: [...charts].sort() }))
      .sort((a, b) => (a.host < b.host ? -1 : 1));
  }
}

function valuesAddressError(host: string | undefined): AirgapError {
  return new AirgapError('forbidden', 'its address may depend on your own values, so it was not requested', {
    hint: `check how the chart uses them; --allow-chart-host ${host ?? 'HOST'} allows requests to this host`,
  });
}
