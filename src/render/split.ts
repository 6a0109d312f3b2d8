// Where an answer too long for one message is divided: between sections; inside one only if no message can hold it.

import type { Section } from '../answer.ts';
import type { Block, List } from './markdown.ts';
import { type Piece, sectionPiece } from './piece.ts';

/** A section with its Markdown read, and as it stands in a message. */
export type Shown = { section: Section; blocks: readonly Block[]; piece: Piece };

/** What stays whole: a section, or one block of a section that is too large for any message. */
export type Unit = { of: Shown; block?: Block; list?: List };

/** The section whole if `fits` says so, else its blocks one by one, and its lists item by item (`list` is where from). */
export function unitsOf(of: Shown, fits: (piece: Piece) => boolean): Unit[] {
	if (!of.blocks.length || fits(of.piece)) return [{ of }];
	return of.blocks.flatMap((block): Unit[] =>
		block.is === 'list'
			? block.items.map((item, index) => ({ of, block: listFrom(block, index, [item]), list: block }))
			: [{ of, block }],
	);
}

function listFrom(list: List, index: number, items: Block[][]): List {
	return { ...list, ...(list.start === undefined ? {} : { start: list.start + index }), items };
}

/** Blocks of one section become a section again, and items a list. `begun`: the section that the last message left. */
export function piecesOf(units: readonly Unit[], brief: boolean, begun?: Shown): Piece[] {
	const groups: { of: Shown; units: Unit[] }[] = [];
	for (const unit of units) {
		const last = groups.at(-1);
		if (last?.of === unit.of) last.units.push(unit);
		else groups.push({ of: unit.of, units: [unit] });
	}
	return groups.map(({ of, units }) => {
		return units[0]?.block ? sectionPiece(of.section, together(units), { continued: of === begun, brief }) : of.piece;
	});
}

function together(units: readonly Unit[]): Block[] {
	const blocks: Block[] = [];
	let open: { from: List | undefined; items: Block[][] } | undefined;
	for (const { block, list } of units) {
		if (!block) continue;
		if (block.is !== 'list') {
			blocks.push(block);
			open = undefined;
		} else if (open && open.from === list) open.items.push(...block.items);
		else {
			open = { from: list, items: [...block.items] };
			blocks.push({ ...block, items: open.items });
		}
	}
	return blocks;
}

/** The largest number from 1 to `most` for which it holds, 0 if for none; it must hold for all below such a number. */
export function largest(max: number, holds: (count: number) => boolean): number {
	let low = 0;
	let high = Math.max(max, 0);
	while (low < high) {
		const middle = Math.ceil((low + high) / 2);
		if (holds(middle)) low = middle;
		else high = middle - 1;
	}
	return low;
}
