export { explainDocuments, type Occurrence, withOtherEvidence } from './occurrences.ts';
export { assessText, type TextAssessment } from './text-assessment.ts';
