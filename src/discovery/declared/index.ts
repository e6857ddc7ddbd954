export { contradictions, withoutContradictions } from './contradictions.ts';
export { declaredReferences } from './declared.ts';
