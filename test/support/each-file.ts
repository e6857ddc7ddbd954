import { afterAll } from 'vitest';
import { removeScratch } from './scratch.ts';

// Vitest runs this before each test file. The hook is the last one: programs that tests started have ended by then.
afterAll(removeScratch);
