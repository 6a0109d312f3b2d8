// What the bot says about itself and the room without being asked: the greeting, and what people should know
// before they write.
import type { Answer } from '../answer.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';

function notice(lead: string): Answer {
	return { value: { format: 1 }, lead, sections: [], kind: 'progress' };
}

/** `server`: the server of the people in the room, if known, which is probably the one they run. */
export function hello(name: string, server: string | undefined): Answer {
	const begin =
		server === undefined
			? 'Which server do you run? Say `!watch example.org`'
			: `Do you run ${quoted(server)}? Say ${code(`!watch ${server}`)}`;
	return notice(
		`Hello, I am ${escapeMarkdown(name)}. I tell Synapse admins what each release requires, and when something is about to stop working.\n\n${begin}, and I will report its state. For an upgrade plan: \`!upgrade 1.98\`. \`!help\` lists all commands, and \`!leave\` makes me leave.`,
	);
}

/** To a person whose message cannot be decrypted. `why`: their client's reason for withholding the key. */
export function unreadableMessage(why: string): Answer {
	const kept = /m\.(unverified|blacklisted)/.test(why)
		? 'your client does not share its key with me. Allow it to encrypt for unverified sessions (in the settings of this room), or verify me (`!verify`); then send it again. If `!status` says that my session is not signed, my log says what my operator must do.'
		: 'its key has not reached me. I will answer when it does. If it does not, send the message again; if that does not help, `/discardsession` makes your client start with a new key.';
	return notice(`I cannot read this message: ${kept}`);
}

/** To rooms that the bot is in although its store does not know them. */
export function storeLost(): Answer {
	return {
		...notice(
			'⚠️ My data was lost: I am no longer watching any servers for this room, and its settings and alerts are gone. Start again with `!watch example.org` for each server; `!room` shows the settings. My operator can restore a backup instead.',
		),
		kind: 'answer',
	};
}

/** To encrypted rooms, after a restore from a backup. `since`: the time of the first command that is now unreadable. */
export function restored(since: Date): Answer {
	const at = since.toISOString().slice(0, 16).replace('T', ' ');
	return {
		...notice(
			`⚠️ I was restored from a backup and cannot read again what was said here from ${at} UTC until the restore. What you changed during that time (for example \`!watch\`) is lost: compare \`!servers\` and \`!room\` with what you expect.`,
		),
		kind: 'answer',
	};
}

export function madePublic(): Answer {
	return notice(
		'This room has been made public: anyone who finds it may read what you told me here and what I answered.',
	);
}

export function tooManyWaiting(max: number): Answer {
	return {
		...notice(`You have ${max} answers waiting. I will ignore your commands until they are delivered; then ask again.`),
		kind: 'refusal',
	};
}

/** Why an invitation is refused: the reason given when leaving, which the inviter sees. */
export const refusedInvitation = 'The operator of this bot does not let you invite it.';
export const tooManyInvitations = 'Too many invitations at once; try again in an hour.';
