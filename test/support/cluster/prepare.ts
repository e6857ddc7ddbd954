/**
 * Installs and builds what the cluster needs: a program, so that scripts/test.mjs can do it while other suites run. What
 * fails is tried again, and reported, when the cluster suite begins.
 */
import { withoutCluster } from './requirements.ts';

withoutCluster();
