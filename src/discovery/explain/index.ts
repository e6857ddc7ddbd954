export type { Occurrence } from './occurrence.ts';
export { explainDocuments } from './occurrences.ts';
export { withOtherEvidence } from './other-evidence.ts';
export { assessText, type TextAssessment } from './text-assessment.ts';
