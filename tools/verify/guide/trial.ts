// One way through a guide that is tried.
import type { Tried } from '../../../src/knowledge/schema/synapse.ts';

/** One thing that was tried; the guide, the day and the hash are added when it is kept. */
export type Trial = Omit<Tried, 'guide' | 'date' | 'recipe'>;

/** What one part of a guide showed when it was tried. */
export type Result = Pick<Tried, 'of' | 'saw'>;
