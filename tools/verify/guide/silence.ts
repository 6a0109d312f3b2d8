// The one promise of a guide that is only in words: that a command prints nothing.
import type { GuideStep } from '../../../src/knowledge/schema/guide.ts';

/** Whether a step says that its commands print nothing. The words are fixed, so that a trial can hold the guide to them. */
export function promisesSilence({ see }: Pick<GuideStep, 'see'>): boolean {
	return /\bNothing should be printed\b/.test(see ?? '');
}
