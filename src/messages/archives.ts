// Which Synapse versions third-party package archives had, and when: a table, not advice.
import type { Answer } from '../answer.ts';
import type { Archive } from '../knowledge/distributions.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

const maxRows = 15;

/** `versions`: those asked about; without `asked`, the whole table. */
export function archiveWords(archive: Archive, asked?: { typed: string; versions: readonly string[] }): Answer {
	const rows = archive.releases.filter(({ version }) => asked?.versions.includes(version) ?? true).toReversed();
	const [newest] = rows;
	const has = (row: Archive['releases'][number]) =>
		`${row.version}${row.branch ? ` (${row.branch})` : ''}, ${row.date}${row.at ? `, ${row.at.startsWith('#') ? row.at : `commit ${row.at}`}` : ''}`;
	const result = newest
		? `${asked ? '' : archive.isWhole ? 'the newest is ' : 'the newest known is '}${has(newest)}`
		: `${asked?.typed ?? 'nothing'} is not in the table (as of ${archive.read})`;
	const shown = rows.slice(0, maxRows).map(has);
	const more = rows.length - shown.length;
	const whole = archive.isWhole ? '' : 'It also had releases that are not recorded. ';
	const notes = asked?.versions.at(-1);
	return {
		value: { format: 1, archive: archive.word, url: archive.url, read: archive.read, releases: rows },
		lead: [
			`**${archive.name}: ${result}.**`,
			`This is a table, not advice: ${archive.date}. ${whole}As of ${archive.read}: ${archive.url}`,
		].join('\n\n'),
		title: `Archive: ${archive.name}`,
		sections: [
			...(rows.length > 1
				? [
						{
							title: count(rows.length, 'release'),
							markdown: list([...shown, ...(more > 0 ? [`and ${more} older; ${code('--json')} has all of them`] : [])]),
							fold: false,
						},
					]
				: []),
			...(notes ? [{ title: 'What it requires', markdown: code(`!notes ${notes}`), fold: false }] : []),
		],
		kind: 'answer',
	};
}
