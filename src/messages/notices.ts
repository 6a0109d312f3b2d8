// What the bot says unasked about itself and the room: hello, and what people should know before they write.
import type { Answer } from '../answer.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';

function notice(lead: string): Answer {
	return { value: { format: 1 }, lead, sections: [], kind: 'progress' };
}

/** `server`: whose people sit in the room, if that is known: the one they most likely run. */
export function hello(name: string, server: string | undefined): Answer {
	const begin =
		server === undefined
			? 'Which server do you run? Say `!watch example.org`'
			: `Do you run ${quoted(server)}? Say ${code(`!watch ${server}`)}`;
	return notice(
		`Hello, I am ${escapeMarkdown(name)}. I tell Synapse admins what each release requires, and when something is about to stop working.\n\n${begin}, and I tell you how it stands. For a plan: \`!upgrade 1.98\`. \`!help\` lists the rest, \`!leave\` sends me away.`,
	);
}

/** To somebody whose message cannot be decrypted. `why` names what his client said about keeping its key back. */
export function unreadableMessage(why: string): Answer {
	const kept = /m\.(unverified|blacklisted)/.test(why)
		? 'your client keeps its key from me. Allow it to encrypt for sessions that you have not verified (in the settings of this room), or verify me (`!verify`); then send it again. If `!status` says that my session is not signed, my operator finds in my log what to do about it.'
		: 'its key has not reached me. When it comes, I answer. If it does not, send the message again; where that does not help, `/discardsession` makes your client begin with a new key.';
	return notice(`I cannot read this message: ${kept}`);
}

/** To rooms that the bot is in although its store knows nothing of them. */
export function storeLost(): Answer {
	return {
		...notice(
			'⚠️ My memory was lost: if I watched servers for this room, I do not watch them any more, and its settings and alerts are gone. Begin again with `!watch example.org` for each server; `!room` shows the settings. Whoever runs me can restore a backup instead.',
		),
		kind: 'answer',
	};
}

export function madePublic(): Answer {
	return notice(
		'This room has been made public: what you told me here, and what I answered, may be read by anyone who finds it.',
	);
}

export function tooManyWaiting(max: number): Answer {
	return {
		...notice(
			`You have ${max} answers of mine waiting. I answer no more of your commands until they are out; then ask again.`,
		),
		kind: 'refusal',
	};
}

/** Why an invitation is refused: the reason given when leaving, seen by those who invited. */
export const refusedInvitation = 'The operator of this bot does not let you invite it.';
export const tooManyInvitations = 'Too many invitations at once; try again in an hour.';
