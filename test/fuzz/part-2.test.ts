import { testTargets } from './read-or-refused.ts';

testTargets(1, 2);
