// Checks whether links still work, including anchors. Each page is requested once, a few at a time.

import pLimit from 'p-limit';

/** A link that was checked. `broken` says why it does not work; a page that could not be requested counts as broken. */
export type Checked = { link: string; broken?: string };

const concurrency = 4;
/** How long a page may take (ms). */
const timeout = 20_000;

/** Every https link in a text, without punctuation after it. */
export function linksIn(text: string): string[] {
	return [...text.matchAll(/https:\/\/[^\s"'<>`\\)\]]+/g)].map(([link]) => link.replace(/[.,;:]+$/, ''));
}

/** Checks each link once, in the order of the links. */
export async function check(links: readonly string[], ask: typeof fetch = fetch): Promise<Checked[]> {
	const pages = new Map<string, string[]>();
	for (const link of [...new Set(links)].sort()) {
		const page = link.replace(/#.*/s, '');
		pages.set(page, [...(pages.get(page) ?? []), link]);
	}
	const checked = await pLimit(concurrency).map(pages, ([page, links]) => checkPage(page, links, ask));
	return checked.flat().sort((a, b) => a.link.localeCompare(b.link));
}

async function checkPage(page: string, links: readonly string[], ask: typeof fetch): Promise<Checked[]> {
	try {
		const answer = await ask(page, { signal: AbortSignal.timeout(timeout) });
		const text = await answer.text();
		if (!answer.ok) return links.map(link => ({ link, broken: `the server says ${answer.status}` }));
		return links.map(link => {
			const anchor = new URL(link).hash.slice(1);
			return anchor && !hasAnchor(text, decodeURIComponent(anchor))
				? { link, broken: 'the page has no such anchor' }
				: { link };
		});
	} catch (error) {
		const why =
			error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
		return links.map(link => ({ link, broken: why }));
	}
}

function hasAnchor(html: string, anchor: string): boolean {
	return [...html.matchAll(/\s(?:id|name)="([^"]+)"/g)].some(
		([, id]) => id === anchor || id === `user-content-${anchor}`,
	);
}
