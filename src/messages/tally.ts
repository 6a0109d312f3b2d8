// Words for how much an upgrade requires.

import type { Tally } from '../advice/upgrade/tally.ts';
import { count, enumerate } from '../text/format.ts';
import { escapeMarkdown } from '../text/markdown.ts';

/** How much there is to do, in one clause. Unread passages come first, and replace any all-clear. */
export function tallyWords({ sure, perhaps, refusing, halts, unread, warning }: Tally): string {
	const parts = [
		...(unread ? [unreadWords(unread, warning)] : []),
		...(halts.length ? [`stop at ${enumerate(halts)} first`] : []),
		...(sure || perhaps ? [] : [unread ? 'nothing to act on in the rest' : 'nothing to do']),
		...(sure ? [count(sure, 'thing to do', 'things to do')] : []),
		...(perhaps
			? [
					sure
						? `${perhaps} more if ${perhaps === 1 ? 'it affects' : 'they affect'} you`
						: count(perhaps, 'thing to do if it affects you', 'things to do if they affect you'),
				]
			: []),
	];
	return `${parts.join(', ')}${refusing ? ` (${refusingWords(refusing, sure + perhaps)})` : ''}`;
}

function refusingWords(refusing: number, all: number): string {
	const which = refusing < all ? `${refusing} of them` : all === 1 ? 'it' : 'all of them';
	return `${which} can keep Synapse from starting`;
}

/** How many passages are unread, and a sentence in one of them that sounds like a refusal. */
export function unreadWords(unread: number, warning: string | undefined): string {
	const what = `${count(unread, 'passage')} that nobody has read yet`;
	if (warning === undefined) return what;
	const short = [...warning];
	const said = short.length > 60 ? `${short.slice(0, 59).join('')}…` : warning;
	return `${what} (one says “${escapeMarkdown(said)}”)`;
}
