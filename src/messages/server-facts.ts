// The words for facts that a server told anyone who asked.
import type { SeenProfile } from '../advice/watch/seen-facts.ts';
import { factsClause } from './whose.ts';

/** Where facts of a plan come from; undefined where people said all of them. */
export function seenWords({ seen, contradicted }: Pick<SeenProfile, 'seen' | 'contradicted'>): string | undefined {
	const words = [
		seen.length ? `The server shows that ${factsClause(seen)}.` : '',
		contradicted.length
			? `The server shows that ${factsClause(contradicted)}, but you said otherwise; I go by what you said.`
			: '',
	].filter(Boolean);
	return words.length ? words.join(' ') : undefined;
}
