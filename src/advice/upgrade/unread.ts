// What can be recognised automatically in a passage that no curator has read: whether it mentions a refusal.

import type { Unread } from '../../knowledge/schema/synapse.ts';

/** How refusals are usually announced. */
const refusal =
	/\b(?:(?:refus(?:e|es|ed|ing)|fail(?:s|ed|ing)?|unable|abort(?:s|ed|ing)?|not be able) (?:to )?(?:start|boot|load|run|launch|come up)|will (?:now |then |also )?(?:refuse|fail|abort|crash|error|be rejected|be refused|not start|no longer (?:start|work|accept|be accepted|support))|(?:no longer|not|cannot|can't|won't|never) (?:be able to )?(?:start|boot|launch)\b|(?:start-?up|config(?:uration)?) (?:will |now )?(?:error|fail|abort)|raises? an? (?:error|exception|configerror)|prevents? (?:synapse|the server|workers?|it) from (?:start|boot)|must (?:be \w+ ){0,2}before (?:upgrading|you upgrade|starting)|hard error)/i;

/** The maximum length of a passage to examine, and of the sentence to show (characters). */
const maxRead = 20_000;
const maxShown = 160;

/** The first sentence that mentions a refusal, as plain text on one line, or undefined. */
export function warningIn(text: string): string | undefined {
	const read = text.slice(0, maxRead).replace(/[`*]/g, '');
	const found = refusal.exec(read);
	if (!found) return undefined;
	const before = read.slice(Math.max(0, found.index - maxShown), found.index);
	const start = Math.max(before.lastIndexOf('. ') + 1, before.lastIndexOf('\n') + 1, 0);
	const after = read.slice(found.index, found.index + maxShown);
	const [upToEnd = after] = /^[^\n]*?(?:[.!?](?=\s|$)|\n|$)/.exec(after) ?? [];
	const sentence = [
		...`${before.slice(start)}${upToEnd}`
			.replace(/^[\s>#]*(?:[-+]\s)?/gm, '')
			.replace(/\s+/g, ' ')
			.trim(),
	];
	return sentence.length > maxShown ? `${sentence.slice(0, maxShown - 1).join('')}…` : sentence.join('');
}

/** `text`: upstream's own, if it was read live; `changed`: it has changed since it was curated. */
export type UnreadPassage = Pick<
	Unread,
	'release' | 'section' | 'heading' | 'part' | 'bullet' | 'url' | 'text' | 'changed'
> & {
	/** Its sentence about a refusal to start or work. */
	warning?: string;
};

/** Passages that no curator has read yet, those that mention a refusal first. */
export function unreadOf(passages: readonly Unread[]): UnreadPassage[] {
	const found = passages.map(passageOf);
	const isWarning = ({ warning }: UnreadPassage) => warning !== undefined;
	return [...found.filter(isWarning), ...found.filter(passage => !isWarning(passage))];
}

function passageOf({ release, section, heading, under, part, bullet, url, text, changed }: Unread): UnreadPassage {
	const warning = warningIn([heading, under, bullet, text].filter(Boolean).join('\n'));
	return {
		release,
		...(section && { section }),
		...(heading && { heading }),
		...(part && { part }),
		...(bullet && { bullet }),
		url,
		...(text && { text }),
		...(changed && { changed }),
		...(warning !== undefined && { warning }),
	};
}
