// The results of testing a guide.
import type { Tried } from '../../../src/knowledge/schema/synapse.ts';

/** One part that was tested; the guide, the day and the hash are added when it is stored. */
export type Trial = Omit<Tried, 'guide' | 'date' | 'recipe'>;

/** What one part of a guide showed when it was tested. */
export type Result = Pick<Tried, 'of' | 'saw'>;
