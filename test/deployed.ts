// A deployment as a person states it.
import { isContradiction, type Profile, parseTerm, profileOf } from '../src/deployment/facts.ts';

/** The deployment with these facts (`docker postgres=15`). Throws if they contradict each other. */
export function deployed(facts: string): Profile {
	const profile = profileOf(facts.split(' ').flatMap(fact => parseTerm(fact) ?? []));
	if (isContradiction(profile)) throw new Error(`${facts} contradict each other`);
	return profile;
}
