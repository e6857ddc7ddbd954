export { type Bare, type BareVerdict, judgeBare } from './bare.ts';
export type { Occurrence } from './occurrence.ts';
export { explainDocuments } from './occurrences.ts';
export { withOtherEvidence } from './other-evidence.ts';
