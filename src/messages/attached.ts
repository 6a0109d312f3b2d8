// Why a file, or a message that another one refers to, cannot be read; and which one was used if none was named.
import { code } from '../text/markdown.ts';

export type AttachmentTrouble =
	/** The message that was replied to, or that has the file. */
	| { is: 'redacted' | 'unreadable' | 'other' | 'unseen' | 'unknown' }
	/** A file. */
	| { is: 'picture' | 'too large' | 'forged' | 'gone' | 'unavailable' | 'packed' | 'binary' | 'empty'; name: string };

/** `megabytes`: the limit for all files of one command. */
export function troubleWords(trouble: AttachmentTrouble, megabytes: number): string {
	const name = 'name' in trouble ? code(trouble.name) : '';
	switch (trouble.is) {
		case 'redacted':
			return 'That message was deleted. Send the text or the file again.';
		case 'unreadable':
			return 'I cannot read that message: it is encrypted, and I do not have its key. Send the text or the file again.';
		case 'other':
			return 'That message has neither text nor a file.';
		case 'unseen':
			return 'I cannot see that message: it may be from before I joined this room. Send the text or the file again.';
		case 'unknown':
			return `What is this file? Reply to it with ${code('!why')} if it is a log, or with ${code('!check')} if it is a configuration.`;
		case 'picture':
			return `${name} is not text, and I cannot read images. Send the text itself, as a message or a file.`;
		case 'too large':
			return `${name} is too large: I read at most ${megabytes} MB for one command. For a log, the lines since the last start are enough.`;
		case 'forged':
			return `${name} is not the file that its message describes: the checksum or the key does not match, so I did not use it. Send it again.`;
		case 'gone':
			return `${name} is no longer on the homeserver. Send it again.`;
		case 'unavailable':
			return `I cannot get ${name} from the homeserver right now. Send it again, or paste its text.`;
		case 'packed':
			return `${name} is compressed. Unpack it and send the text.`;
		case 'binary':
			return `${name} is not text.`;
		case 'empty':
			return `${name} is empty.`;
	}
}

/** What was used although nobody named it, so that the person sees it. */
export function takenWords(names: readonly string[], where: 'before' | 'after' | 'thread'): string {
	const files = names.map(name => code(name)).join(', ');
	if (where === 'thread') return `I used ${files}, which starts this thread.`;
	return names.length === 1
		? `I used ${files}, which you sent ${where === 'before' ? 'before' : 'after'} the command.`
		: `I used ${files}, which you sent with the command.`;
}

/** The answer if a message can no longer be read at all. */
export const unreadAgain =
	'I could no longer read your message when I got to it. I do not store such messages, so please send it again.';
