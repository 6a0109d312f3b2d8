// Turns answers into messages to send: their parts, thread and ids.
import type { Answer } from '../answer.ts';
import type { Content, Incoming } from '../ports/homeserver.ts';
import type { Saying } from '../ports/saying.ts';
import { joined } from '../render/combine.ts';
import { matrixMessages } from '../render/matrix.ts';
import { saidId } from './said-id.ts';

export type Always = 'notice' | 'text' | undefined;

/** An answer cannot be put into a message: a bug of ours, which would recur at every attempt. */
export class Unrenderable extends Error {}

/** The messages for the answers to one event: the answer, its files, and what follows them. Throws Unrenderable. */
export function sayingsOf(
	answers: readonly Answer[],
	message: Incoming,
	always: Always,
	/** The event that asked, if it is not the one replied to: a reaction. */
	asked = message.event,
	/** Distinguishes the ids of two answers to the same event. */
	what = 'answer',
): Saying[] {
	const [only] = answers;
	if (!only) return [];
	const { contents, files } = rendered(answers.length === 1 ? () => only : () => joined(answers), always);
	// One reaction answers all questions of a message.
	const questions = [...new Set(answers.flatMap(({ confirms }) => confirms ?? []))];
	const of = {
		...{ room: message.room, answers: asked, sender: message.sender, asked: message.at },
		...(questions.length && { confirms: questions.join('\n') }),
	};
	const sayings: Saying[] = contents.map((content, part) => {
		const said = saidId(what, asked, part);
		const whole = { ...content, ...relation(message), 'io.glia.said': said };
		return { ...of, said, kind: 'event', event: { type: 'm.room.message', content: whole } };
	});
	for (const [part, file] of files.entries()) {
		const said = saidId(what === 'answer' ? 'file' : `${what} file`, asked, part);
		sayings.push({ ...of, said, kind: 'file', file, content: { ...relation(message), 'io.glia.said': said } });
	}
	if (answers.some(({ afterwards }) => afterwards?.leave)) {
		sayings.push({ ...of, said: saidId('leave', asked, 0), kind: 'leave' });
	}
	return sayings;
}

function rendered(answer: () => Answer, always: Always): ReturnType<typeof matrixMessages> {
	try {
		return matrixMessages(answer(), { always });
	} catch (cause) {
		throw new Unrenderable('an answer cannot be put into a message', { cause });
	}
}

/** A reply to the message, in its thread if it is in one. */
function relation({ event, thread }: Incoming): Content {
	const reply = { 'm.in_reply_to': { event_id: event } };
	if (thread === undefined) return { 'm.relates_to': reply };
	return { 'm.relates_to': { rel_type: 'm.thread', event_id: thread, is_falling_back: false, ...reply } };
}

/**
 * An unprompted message, said once per stay in a room. Homeservers remember transaction IDs (Synapse for a day, others
 * perhaps longer). With an ID derived from the room alone, they could return the event of an earlier stay, and the room
 * would see nothing.
 */
export function announcement(
	what: string,
	{ room, stay }: { room: string; stay: string },
	answer: Answer,
	about: readonly string[] = [],
): Saying {
	const { contents } = matrixMessages(answer);
	const said = saidId(what, room, stay, ...about);
	const content = { ...contents[0], 'io.glia.said': said };
	return { said, room, kind: 'event', event: { type: 'm.room.message', content } };
}
