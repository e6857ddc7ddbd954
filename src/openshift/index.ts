/** Objects of OpenShift: image streams and their tags, builds, the internal registry. */
export { BUILD_KINDS, buildOutputs } from './build-outputs.ts';
export { type ClassifiedTag, classifyTags } from './classify-tags.ts';
export { type ClusterLoginContext, clusterKeychain } from './cluster-login.ts';
export { askRegistryAddresses, type Cluster } from './cluster-registry.ts';
export { describeOrigin, type ExportSource, readExport } from './exported-objects.ts';
export { mergeTags, STREAM_KINDS, tagKey } from './image-streams.ts';
export { isMoved, isPlatformUpload, type MoveOptions, sourceOf } from './moved-tags.ts';
export { ReferenceRewriter } from './reference-rewriter.ts';
export {
  ADDRESS_KINDS,
  type AddressObject,
  addressesIn,
  publicHostsIn,
  type RegistryAddresses,
  type RegistryRoute,
} from './registry-addresses.ts';
export {
  type RegistryReplacement,
  type RenamedNamespaces,
  registryReplacements,
} from './registry-replacement.ts';
export type { RemainingReference } from './remaining-references.ts';
export { applyRewrites, planRewrites, type RewriteRules, type ScalarRewrite } from './rewrite-workloads.ts';
