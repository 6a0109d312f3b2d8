// Renders an Answer as message contents and files for a Matrix room.

import type { Answer, Section } from '../answer.ts';
import { allowed } from './html.ts';
import { type Block, blocksOf, type Span, spansOf, titleOf } from './markdown.ts';
import { wholeFile } from './markdown-file.ts';
import {
	againPiece,
	between,
	headPiece,
	jsonBytes,
	listPiece,
	type Piece,
	paragraphPiece,
	sectionPiece,
} from './piece.ts';
import { inlineText, unstyled } from './plain.ts';
import { largest, piecesOf, type Shown, unitsOf } from './split.ts';

/** The content of an `m.room.message`, without what only the sender knows: replies, threads, our own ids. */
export type MatrixContent = {
	msgtype: 'm.text' | 'm.notice';
	/**
	 * Readable by itself: the answer as plain text, result first. If that would make the message too long, folded
	 * sections are reduced to their titles.
	 */
	body: string;
	format: 'org.matrix.custom.html';
	formatted_body: string;
	'm.mentions': { user_ids?: string[] };
};

export type MatrixMessages = {
	/** One or two, in order. */
	contents: MatrixContent[];
	/** Files to send afterwards: the answer's own, and the whole answer as Markdown if two messages cannot hold it. */
	files: NonNullable<Answer['files']>;
};

export type MatrixOptions = {
	/** The room's setting; by default answers are texts and everything else is notices. */
	always?: 'notice' | 'text' | undefined;
	/** The maximum size of JSON.stringify(content) in bytes: 45,000, which leaves room for encryption. */
	limit?: number | undefined;
};

/** Bytes reserved for what the sender adds: the reply, the thread, our own id. */
const roomForSender = 1000;

type Fits = (pieces: readonly Piece[]) => boolean;

/** Renders any Answer: if two messages cannot hold it, a file has all of it. */
export function matrixMessages(answer: Answer, options: MatrixOptions = {}): MatrixMessages {
	const write = writer(answer, options.always);
	const room = (options.limit ?? 45_000) - roomForSender - jsonBytes(write([])) - jsonBytes(notCommand);
	const fits: Fits = pieces => pieces.reduce((sum, { bytes }) => sum + bytes, 0) <= room;
	const files = answer.files ?? [];

	const head = headPiece(answer);
	const sections = readUpTo(2 * room, answer.sections);
	if (sections) {
		const full = [head, ...shownAs(sections, false).map(({ piece }) => piece)];
		if (fits(full)) return { contents: [write(full)], files };
		// A single message matters more than a complete plain-text body.
		const shown = shownAs(sections, true);
		const brief = [head, ...shown.map(({ piece }) => piece)];
		if (fits(brief)) return { contents: [write(brief)], files };

		const again = againPiece(answer);
		const units = shown.flatMap(section => unitsOf(section, piece => fits([again, piece])));
		const opening = (count: number) => [head, ...piecesOf(units.slice(0, count), true)];
		const count = largest(units.length - 1, count => fits(opening(count)));
		const rest = [again, ...piecesOf(units.slice(count), true, units[count - 1]?.of)];
		if (fits(opening(count)) && fits(rest)) {
			// Mention nobody twice for one answer.
			return { contents: [write(opening(count)), { ...write(rest), 'm.mentions': {} }], files };
		}
	}

	const whole = wholeFile(answer);
	const present = files.some(({ name }) => name === whole.name);
	return {
		contents: [write(summary(answer, head, whole.name, room, fits))],
		files: present ? files : [...files, whole],
	};
}

/** Put before a body that begins with a command prefix, which another bot would mistake for a command. */
const notCommand = '· ';

function writer(answer: Answer, always: MatrixOptions['always']): (pieces: readonly Piece[]) => MatrixContent {
	const msgtype = (always ?? (answer.kind === 'answer' ? 'text' : 'notice')) === 'text' ? 'm.text' : 'm.notice';
	const mention = [...new Set(answer.mention ?? [])];
	return pieces => {
		const body = pieces.map(piece => piece.body).join(between);
		return {
			msgtype,
			body: body.startsWith('!') ? notCommand + body : body,
			format: 'org.matrix.custom.html',
			formatted_body: allowed(pieces.map(piece => piece.html).join('')),
			'm.mentions': mention.length ? { user_ids: mention } : {},
		};
	};
}

type ReadSection = { section: Section; blocks: readonly Block[] };

/** The sections with their Markdown parsed; undefined if they must exceed `bytes`, since parsing takes time. */
function readUpTo(bytes: number, sections: readonly Section[]): ReadSection[] | undefined {
	if (sections.reduce((count, { markdown }) => count + markdown.length, 0) > bytes) return undefined;
	return sections.map(section => ({ section, blocks: blocksOf(section.markdown) }));
}

function shownAs(sections: readonly ReadSection[], brief: boolean): Shown[] {
	return sections.map(({ section, blocks }) => ({ section, blocks, piece: sectionPiece(section, blocks, { brief }) }));
}

/** What cannot wait: the lead and everything that is never folded, or at least its titles; then where the rest is. */
function summary(answer: Answer, head: Piece, file: string, room: number, fits: Fits): Piece[] {
	const pointer = paragraphPiece([
		{ is: 'text', text: 'The full answer is in the file ' },
		{ is: 'code', text: file },
		{ is: 'text', text: '.' },
	]);
	const open = answer.sections.filter(section => !section.fold);
	const shown = readUpTo(room, open);
	if (shown) {
		const full = [head, ...shownAs(shown, false).map(({ piece }) => piece), pointer];
		if (fits(full)) return full;
	}

	const titles = open.map(titleOf).filter(title => title.length > 0);
	const titled = (count: number) => {
		const more: Span = { is: 'text', text: `and ${titles.length - count} more` };
		const lines = [...titles.slice(0, count), ...(count < titles.length ? [[more]] : [])];
		return [head, ...(lines.length ? [listPiece(lines)] : []), pointer];
	};
	if (fits(titled(0))) return titled(largest(titles.length, count => fits(titled(count))));

	const words = [...inlineText(spansOf(answer.lead), unstyled)];
	const cut = (count: number) => {
		return [paragraphPiece([{ is: 'text', text: `${words.slice(0, count).join('').trimEnd()}…` }]), pointer];
	};
	return cut(largest(words.length, count => fits(cut(count))));
}
