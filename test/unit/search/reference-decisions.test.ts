import { describe, expect, it } from 'vitest';
import { RenderedDocument } from '../../../src/helm/documents.ts';
