// !operator: what only the operators of the bot may ask and do, in their own room.

import type { Answer } from '../src/answer.ts';
import { Refusal } from '../src/answer.ts';
import type { Asked, Command, Ports } from '../src/command.ts';
import {
	announcedWords,
	announcementQuestion,
	leftWords,
	limitsWords,
	operatorHelp,
	roomsWords,
	waitingWords,
} from '../src/messages/operator.ts';
import type { OperatorPort } from '../src/ports/operator.ts';
import { code, quoted } from '../src/text/markdown.ts';

export const operator = {
	name: 'operator',
	usage: 'operator [rooms | waiting | limits | leave <room> | announce <text>]',
	summary: 'for my operators, in their own room',
	examples: ['operator rooms', 'operator waiting', 'operator announce We move on Sunday.'],
	changes: true,
	takesLines: ([what = '']) => what.toLowerCase() === 'announce',
	async run(asked, { operator, limits, now }: Pick<Ports, 'operator' | 'limits' | 'now'>): Promise<Answer> {
		if (!operator || asked.room !== (await operator.room()))
			throw new Refusal(
				`This command is for my operators, in the room set in the configuration (${code('operator.room')}).`,
			);
		const [what = '', ...rest] = asked.words;
		switch (what.toLowerCase()) {
			case '':
				return operatorHelp(asked.room);
			case 'rooms':
				return roomsWords(await operator.rooms());
			case 'waiting':
				return waitingWords(await operator.waiting(), now());
			case 'limits':
				return limitsWords(limits, operator.allow());
			case 'leave':
				return leave(rest, asked, operator);
			case 'announce':
				return announce(asked, operator);
			default:
				throw new Refusal(`I do not understand ${quoted(what)} here. ${code('!operator')} lists what you can do.`);
		}
	},
} satisfies Command;

/** Identifies one command, so that deciding it again produces the same key. */
function keyOf({ sender, at, text }: Asked): readonly string[] {
	return [sender, at.toISOString(), text];
}

/** The same key if two people confirm one question, so that it is announced once. */
function announcementKey(asked: Asked): readonly string[] {
	return asked.repliesTo === undefined ? keyOf(asked) : [asked.repliesTo, asked.text];
}

/** Characters of an announcement: it must fit into one message. */
const maxAnnouncement = 4000;

async function leave([room, more]: readonly string[], asked: Asked, operator: OperatorPort): Promise<Answer> {
	if (room === undefined || more !== undefined)
		throw new Refusal(
			`Which room? ${code('!operator rooms')} has their IDs: ${code('!operator leave !room:example.org')}`,
		);
	if (room === asked.room) throw new Refusal(`To leave this room say ${code('!leave')}.`);
	if (!(await operator.leave(room, keyOf(asked)))) throw new Refusal(`I am not in ${quoted(room)}.`);
	return leftWords(room);
}

async function announce(asked: Asked, operator: OperatorPort): Promise<Answer> {
	const given = asked.text.replace(/^\s*announce\s*/i, '').trim();
	const text = given.replace(/^yes\s+/i, '');
	if (text === '' || /^yes$/i.test(text))
		throw new Refusal(`Announce what? ${code('!operator announce We move on Sunday.')}`);
	if (text.length > maxAnnouncement)
		throw new Refusal(`An announcement may have at most 4,000 characters, but yours has ${text.length}.`);
	if (text === given) {
		const others = (await operator.rooms()).filter(one => one.room !== asked.room && one.replacedBy === undefined);
		return announcementQuestion(text, others.length);
	}
	return announcedWords(await operator.announce(text, announcementKey(asked)));
}
