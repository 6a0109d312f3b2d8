// Splits an answer that is too long for one message: between sections, and within one only if no message can hold it.

import type { Section } from '../answer.ts';
import type { Block, List } from './markdown.ts';
import { type Piece, sectionPiece } from './piece.ts';

/** A section with its Markdown parsed, and its rendered form. */
export type Shown = { section: Section; blocks: readonly Block[]; piece: Piece };

/** What is never split: a section, or one block of a section too large for any message. */
export type Unit = { of: Shown; block?: Block; list?: List };

/** The whole section if it fits, or else its blocks, with lists split into items (`list` is the list they are from). */
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

/** Reassembles blocks into sections, and items into lists. `begun`: the section that the previous message started. */
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

/** The largest number from 1 to `max` for which `holds` is true, or 0. It must also be true for all smaller numbers. */
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
