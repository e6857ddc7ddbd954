export { type CarryingChart, carryOverrides } from './carrying-chart.ts';
export { formatPostRenderMap } from './edits/post-render-map.ts';
export type { TemplateChange } from './edits/template-edits.ts';
export { HOOKS_HINT, isOverridesFile, overridesHeader, stateNotes, stillPublicLine, titleLine } from './file-header.ts';
export {
  appliedReferences,
  chartReferences,
  type InstalledChart,
  type InstalledReference,
  installedNotKnown,
  installedReferences,
  installedWithoutSecret,
  renderInstalled,
} from './installed-references.ts';
export { type OverrideOptions, overrideChart, type UnmappedHandling } from './override-chart.ts';
export { checkReadBack, copiedUserValues, formatOverrides } from './overrides-file.ts';
export type { Proof, UnmappedReference } from './proof/proof.ts';
export { type ChartProof, deriveTree } from './umbrella-tree.ts';
