import { testTargets } from './read-or-refused.ts';

testTargets(0, 2);
