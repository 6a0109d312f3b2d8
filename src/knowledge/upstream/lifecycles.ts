// Reads a product's page on endoflife.date: how long its releases are supported, and their code names.
import { z } from 'zod';
import { day } from '../schema/fields.ts';
import type { Lifecycle } from '../schema/synapse.ts';
import { fieldOf, itemsOf, jsonIn, oneLine, type Reading } from './reading.ts';

/** `names` maps the lower-case first word of each code name to a version: `trixie` → `13`. */
export type ProductPage = Lifecycle & { names: Readonly<Record<string, string>> };

const releaseName = z.string().regex(/^[\w.+-]{1,40}$/);
const codename = z.string().max(60).nullish().catch(undefined);

const cycleShape = z
	.object({
		cycle: z.union([releaseName, z.number().transform(String)]),
		releaseDate: day,
		eol: z.union([day, z.boolean()]),
		codename,
	})
	.transform(({ cycle, eol, ...rest }) => ({ ...rest, name: cycle, ends: typeof eol === 'string' ? eol : undefined }));
const releaseShape = z
	.object({ name: releaseName, releaseDate: day, eolFrom: day.nullish(), codename })
	.transform(({ eolFrom, ...rest }) => ({ ...rest, ends: eolFrom ?? undefined }));
const pageShape = z.object({ result: z.object({ name: z.string(), releases: z.unknown() }) });

/** Parses a page from either API version. Leaves out releases without a fixed end. */
export function readLifecycle(text: string, product: string): Reading<ProductPage> {
	const parsed = jsonIn(text);
	if ('reason' in parsed) return parsed;
	const page = pageShape.safeParse(parsed.json);
	if (page.success && page.data.result.name !== product) return { reason: 'it is about another product' };
	const nameOf = (item: unknown) => fieldOf(item, 'name') ?? fieldOf(item, 'cycle');
	const read = page.success
		? itemsOf(page.data.result.releases, releaseShape, nameOf)
		: itemsOf(parsed.json, cycleShape, nameOf);
	if ('reason' in read) return read;
	const once = [...new Map(read.items.map(item => [item.name, item])).values()];
	const releases = once.flatMap(({ name, releaseDate, ends, codename: called }) =>
		ends === undefined
			? []
			: [{ version: name, released: releaseDate, ends, ...(called && { name: oneLine(called, 40) }) }],
	);
	if (!releases.length) return { reason: 'it names no end of support' };
	const names = once.flatMap(({ name, codename: called }): [string, string][] => {
		const word = called?.trim().split(/\s+/)[0]?.toLowerCase();
		return word && /^[a-z]+$/.test(word) ? [[word, name]] : [];
	});
	return {
		value: { releases, link: `https://endoflife.date/${product}`, names: Object.fromEntries(names) },
		left: read.left,
	};
}

/** The systems that Synapse's script builds Debian packages for, as written there: `debian:trixie`, `ubuntu:noble`. */
export function readBuilds(script: string): Reading<string[]> {
	const list = /^DISTS\b[^=\n]{0,200}=\s*[([]([\s\S]{0,5000}?)^[)\]]/m.exec(script)?.[1];
	const found = (list ?? '')
		.split('\n')
		.flatMap(line => /^\s*["']((?:debian|ubuntu):[a-z]+)["']/.exec(line)?.[1] ?? []);
	return found.length ? { value: [...new Set(found)], left: [] } : { reason: 'it names no system' };
}
