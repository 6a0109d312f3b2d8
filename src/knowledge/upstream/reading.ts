// Parses upstream's documents item by item. A bad item is skipped with a reason and does not affect the others.
import type { z } from 'zod';
import { harmless } from '../../text/markdown.ts';

/** The name of an item that could not be parsed, and why. */
export type LeftOut = { item: string; why: string };

/** A parsed document with the items left out, or why it is not what was expected. */
export type Reading<Value> = { value: Value; left: readonly LeftOut[] } | { reason: string };

/** Far more items than any of upstream's lists has. */
const maxItems = 5000;

/** Parses JSON, or says what the text is instead. */
export function jsonIn(text: string): { json: unknown } | { reason: string } {
	try {
		return { json: JSON.parse(text) };
	} catch {
		return { reason: /^\s*</.test(text) ? 'it is a web page' : 'it is not JSON' };
	}
}

/** The items of a list that have the right shape. If there are none, the list is refused with the first reason. */
export function itemsOf<Item>(
	list: unknown,
	shape: z.ZodType<Item>,
	nameOf: (item: unknown) => string | undefined,
): { items: Item[]; left: LeftOut[] } | { reason: string } {
	if (!Array.isArray(list)) return { reason: 'all of it: not a list' };
	const items: Item[] = [];
	const left: LeftOut[] = [];
	for (const [at, item] of list.slice(0, maxItems).entries()) {
		const parsed = shape.safeParse(item);
		if (parsed.success) items.push(parsed.data);
		else left.push({ item: called(nameOf(item), at), why: whyOf(parsed.error) });
	}
	if (list.length > maxItems) left.push({ item: `item ${maxItems + 1}`, why: `nor the rest of ${list.length}` });
	const [first] = left;
	return !items.length && first ? { reason: `none of it can be read: ${first.item}: ${first.why}` } : { items, left };
}

function called(name: string | undefined, at: number): string {
	return name ? oneLine(name, 40) : `item ${at + 1}`;
}

/** The string in a field of an unknown value. */
export function fieldOf(item: unknown, name: string): string | undefined {
	if (typeof item !== 'object' || item === null || !Object.hasOwn(item, name)) return undefined;
	const value: unknown = item[name as keyof typeof item];
	return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The position and description of the first fault, at most 200 characters. */
export function whyOf(error: z.ZodError): string {
	const [issue] = error.issues;
	return `${issue?.path.slice(0, 6).map(String).join('.') || 'all of it'}: ${issue?.message}`.slice(0, 200);
}

/** One line of at most `max` characters, without active content. */
export function oneLine(text: string, max: number): string {
	const line = harmless(text.slice(0, 10 * max))
		.replace(/\s+/g, ' ')
		.trim();
	const characters = [...line];
	return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : line;
}
