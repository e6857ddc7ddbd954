import type { AirgapError } from '../base/errors.ts';
import type { Declaration } from '../discovery/nested/index.ts';
import type { NetworkNeed } from '../discovery/network/index.ts';
import type { OperatorContainer } from '../discovery/rules/index.ts';
import type { Chart } from '../helm/fetch.ts';
import type { LocatedReference } from '../inventory/finding.ts';
import type { StoredRecipe } from '../inventory/recipe.ts';
import type { NotKnown } from '../inventory/state.ts';
import type { ManifestSource } from '../manifests/index.ts';
import type { AskedHost } from './nested-hosts.ts';
import type { Profile } from './search-render.ts';
import type { Addition } from './what-if.ts';

/** A chart and the results of its search. */
export interface SearchedChart {
  readonly chart: Chart;
  readonly profiles: readonly Profile[];
  readonly references: readonly LocatedReference[];
  /** Content other than images that its workloads fetch from the internet. */
  readonly network: readonly NetworkNeed[];
  /** What was not understood, and may hide images. */
  readonly notKnown: readonly NotKnown[];
  /** References that disabled components would add; empty unless requested. */
  readonly whatIf: readonly Addition[];
  /** Containers whose images may choose further ones; empty unless requested. */
  readonly operators: readonly OperatorContainer[];
  /** Recipes by profile: how values build the references; empty unless requested. */
  readonly recipes: ReadonlyMap<string, readonly StoredRecipe[]>;
  /** Parent chart (or manifests) and location of the declaration; undefined for a named chart. */
  readonly via?: Declaration & { readonly chart: string };
}

/** Manifests that are no chart, and the results of their search. */
export interface SearchedManifests {
  readonly source: ManifestSource;
  readonly references: readonly LocatedReference[];
  readonly network: readonly NetworkNeed[];
  /** What was not understood, and may hide images. */
  readonly notKnown: readonly NotKnown[];
  /** Containers whose images may choose further ones; empty unless requested. */
  readonly operators: readonly OperatorContainer[];
}

export interface SearchResult {
  /** The manifests beside the named charts, in order. */
  readonly manifests: readonly SearchedManifests[];
  /** The named charts in order, then the nested charts; each name and version once. */
  readonly charts: readonly SearchedChart[];
  /** Nested charts that could not be fetched or rendered. */
  readonly failures: readonly AirgapError[];
  /** Names of excluded nested charts. */
  readonly excluded: readonly string[];
  /** Hosts that only charts have named and from which charts were requested. */
  readonly askedHosts: readonly AskedHost[];
}
