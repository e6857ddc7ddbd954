export { type Contradiction, contradictions, withoutContradictions } from './contradictions.ts';
export { type DeclaredInput, declaredReferences } from './declared.ts';
