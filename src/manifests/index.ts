/** Kubernetes objects outside charts: built kustomizations, and manifests in files. */
export { readManifestFiles } from './files.ts';
export { readManifests } from './read-manifests.ts';
export { hasText, secondDocument } from './second-document.ts';
export type { ManifestSource } from './source.ts';
