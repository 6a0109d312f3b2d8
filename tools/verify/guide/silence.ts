// The only promise in a guide's text that is tested: that a command prints nothing.
import type { GuideStep } from '../../../src/knowledge/schema/guide.ts';

/** Whether a step says that its commands print nothing. The wording is fixed, so that a trial can check it. */
export function promisesSilence({ see }: Pick<GuideStep, 'see'>): boolean {
	return /\bNothing should be printed\b/.test(see ?? '');
}
