// What a source remembers across restarts.
import { expect, test } from 'vitest';
import type { Copy } from '../../../src/edges/web/documents.ts';
import { type SourcesSettings, sourcesOf } from '../../../src/edges/web/source.ts';
import type { Sources } from '../../../src/knowledge/live.ts';

const one = { address: 'https://example.org', hours: 1 };
const settings: SourcesSettings = {
	...{ seconds: 1, releases: one, upgradeNotes: one, files: one, advisories: one, lifecycles: one },
	playbook: { changes: one.address, defaults: one.address, hours: 1 },
	charts: { releases: one.address, values: one.address, hours: 1 },
};
const known = { releases: [], passages: [], advisories: [], charts: [] };

/** The source as after a start. */
function started() {
	const values: Sources = {};
	const [source] = sourcesOf(settings, values, known, () => new Date('2026-11-29T12:00:00Z'));
	if (source?.name !== 'releases') throw new Error('the list of releases comes first');
	const feed = () => values.feed ?? [];
	return {
		source,
		sure: () => feed().flatMap(({ version, gone }) => (gone?.sure ? [version] : [])),
		versions: () => feed().map(({ version }) => version),
	};
}

function page(...versions: string[]): Map<string, Copy> {
	const text = JSON.stringify(
		versions.map((version, i) => ({
			tag_name: `v${version}`,
			published_at: `2026-11-${String(10 + i).padStart(2, '0')}T12:00:00Z`,
			body: '',
		})),
	);
	return new Map([['feed', { asked: '', address: '', text }]]);
}

test('a restart is not another read in which a release is missing', () => {
	const [whole, without] = [page('1.0.0', '1.1.0', '1.2.0'), page('1.0.0', '1.1.0')];
	let bot = started();
	bot.source.take(whole, false);
	for (const expected of [[], [], ['1.2.0']]) {
		bot.source.take(without, false);
		expect(bot.sure()).toEqual(expected);
		const memory = JSON.parse(JSON.stringify(bot.source.memory?.()));
		bot = started();
		bot.source.recall?.(memory);
		bot.source.take(without, false);
		expect(bot.sure()).toEqual(expected);
	}
});

test.each([{ published_at: null }, { published_at: '2026-11-12' }, { body: 7 }, { draft: 'no' }])(
	'a release that is listed as %o is not missing',
	broken => {
		const bot = started();
		bot.source.take(page('1.0.0', '1.1.0', '1.2.0'), false);
		const [, copy] = [...page('1.0.0', '1.1.0', '1.2.0')][0] ?? [];
		const list = JSON.parse(copy?.text ?? '') as Record<string, unknown>[];
		for (const one of list) if (one.tag_name === 'v1.2.0') Object.assign(one, broken);
		const text = JSON.stringify(list);
		for (let reads = 0; reads < 4; reads++) {
			const result = bot.source.take(new Map([['feed', { asked: '', address: '', text }]]), false);
			expect(result).toMatchObject({ left: [{ item: 'v1.2.0' }] });
			expect(bot.sure()).toEqual([]);
			expect(bot.versions().at(-1)).toBe('1.2.0');
		}
	},
);
