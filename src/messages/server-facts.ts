// Words for facts that a server reported itself.
import type { SeenProfile } from '../advice/watch/seen-facts.ts';
import { factsClause } from './whose.ts';

/** The origin of a plan's facts; undefined if people stated all of them. */
export function seenWords({ seen, contradicted }: Pick<SeenProfile, 'seen' | 'contradicted'>): string | undefined {
	const words = [
		seen.length ? `The server shows that ${factsClause(seen)}.` : '',
		contradicted.length
			? `The server shows that ${factsClause(contradicted)}, but you said otherwise; I go by what you said.`
			: '',
	].filter(Boolean);
	return words.length ? words.join(' ') : undefined;
}
