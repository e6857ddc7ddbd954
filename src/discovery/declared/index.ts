export { type Contradiction, contradictions, withoutContradictions } from './contradictions.ts';
export { type DeclaredInput, declaredPlaces } from './declared.ts';
