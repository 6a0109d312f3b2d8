// Words for what scans large tables during a switch: before the port opens, and in the background.
import type { Migrating } from '../advice/upgrade/migrating.ts';
import type { Took } from '../knowledge/schema/migrations.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

/** At most this many are named individually. */
const maxNamed = 8;

/** How times were measured: knowledge/synapse/migration-times.json. */
const measured =
	'Times are for a million rows in that table, on two cores that were also doing other work; yours may take longer.';

const databaseNames = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;

/** Which migrations scan large tables, and for how long, as Markdown; empty if none does. */
export function migrationsWords(migrations: Migrating['migrations']): string {
	const reading = migrations.filter(({ work }) => work === 'reads');
	if (!reading.length) return '';
	const some = reading.some(({ took }) => took);
	const lines = reading.slice(0, maxNamed).map(({ release, tables, database, took, tookFor }) => {
		const which = Object.entries(tables).map(([table, grows]) => {
			const time = table === tookFor ? tookWords(took) : '';
			return `${code(table)} (grows with ${grows})${time && `: ${time}`}`;
		});
		return `${release}${database ? ` on ${databaseNames[database]}` : ''}: ${which.join(', ')}${some && !took ? '; not measured' : ''}`;
	});
	const more = reading.length - lines.length;
	const altered = migrations.filter(({ work }) => work === 'alters').flatMap(({ tables }) => Object.keys(tables));
	const quick = altered.length
		? [
				`Columns in ${[...new Set(altered)].map(code).join(', ')} change too: this is quick, but only when nothing else is using the table.`,
			]
		: [];
	const how = some ? measured : 'Nobody has measured how long they take.';
	return `These migrations go through large tables before the port opens. ${how}

${list([...lines, ...(more > 0 ? [`and ${count(more, 'more', 'more')}`] : []), ...quick])}`;
}

/** The measured background updates and their durations, as Markdown; empty if there are none. */
export function queuedWords(queued: Migrating['queued']): string {
	if (!queued.length) return '';
	const lines = queued.map(
		({ release, names, table, grows, took }) =>
			`${release}: ${names.slice(0, 2).map(code).join(', ')}${names.length > 2 ? ` and ${count(names.length - 2, 'more', 'more')}` : ''}, which ${names.length > 1 ? 'go' : 'goes'} through ${code(table)} (grows with ${grows}): ${tookWords(took)}`,
	);
	return `These background updates were measured, from the moment the port opened until they finished, while nobody was using the server. ${measured}

${list(lines)}`;
}

/** “3 to 20 s on PostgreSQL”, or in minutes; empty if nobody measured it. */
function tookWords(took: Took | undefined): string {
	return Object.entries(took ?? {})
		.map(([database, [shortest, longest]]) => {
			const inMinutes = longest >= 120;
			// From ten minutes on, fractions no longer matter.
			const minutes = (seconds: number) => (seconds < 600 ? Math.round(seconds / 6) / 10 : Math.round(seconds / 60));
			const shown = (seconds: number) => (inMinutes ? minutes(seconds) : Math.round(seconds));
			const [least, most] = [shown(shortest), shown(longest)];
			const where = `on ${databaseNames[database as keyof typeof databaseNames]}`;
			if (longest < 1) return `under 1 s ${where}`;
			return `${least === most ? `about ${most}` : `${least} to ${most}`} ${inMinutes ? 'min' : 's'} ${where}`;
		})
		.join(', ');
}
