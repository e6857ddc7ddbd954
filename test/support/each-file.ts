import { afterAll } from 'vitest';
import { removeScratch } from './scratch.ts';

// Vitest runs this before each test file. Of all hooks it is the last: what a test has started has ended by then.
afterAll(removeScratch);
