export { isFetchedByController } from './artifact-fields.ts';
/** The face of discovery. `cross-check.ts` is imported by itself: it loads a second YAML parser, which only renders need. */
export { objectsIn } from './containers.ts';
export { crdDocuments } from './crd-defaults.ts';
export { discoverReferences } from './discover.ts';
export { toFindings } from './findings.ts';
export { imageConfigReferences } from './image-config.ts';
export { isRelevant } from './relevance.ts';
export { demoteValuesCopies, imageLeaves, tracedReferences } from './value-references.ts';
