// How sure an answer of !why is, and what would settle it.
import type { WhyMatch } from '../advice/why/diagnose.ts';
import type { Source } from '../knowledge/schema/synapse.ts';
import { code } from '../text/markdown.ts';

type Claim = { sure: boolean; sources: readonly Source[] };
type Confidence = { short: string; long: string };

/** `others`: how many other matches the answer shows. */
export function confidence({ sure, sources }: Claim, { by, cut }: WhyMatch, others: number): Confidence {
	if (by === 'words')
		return { short: 'Perhaps', long: 'this is a guess from your description. Log lines would settle it.' };
	if (cut && sure) return { short: 'Certain', long: 'certain, even though the message is cut off in your text.' };
	if (cut)
		return {
			short: 'Perhaps',
			long: `not certain, because the message is cut off in your text. ${code('journalctl --no-pager')} prints whole lines.`,
		};
	if (sure && others === 0)
		return {
			short: 'Certain',
			long: `certain; your text contains this message${sources.length ? '' : ' word for word'}.`,
		};
	if (sure)
		return { short: 'Certain', long: 'certain about this one. Your text contains other errors too; see below.' };
	return {
		short: 'Perhaps',
		long: 'not certain, because other problems produce the same message. Add your release to the command to narrow it down (`!why 1.163 …`).',
	};
}
