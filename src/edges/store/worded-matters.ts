// Migrates stores that kept sentences as they were sent: extracts their facts once and drops the sentences.
import type { Kysely } from 'kysely';
import type { AlertSubject } from '../../advice/watch/alert-condition.ts';

type Old = { rule: string; subject: string; stage: string; episode: string; title: string };

/** The tables as they were then: a migration does not follow later changes to them. */
type OldTables = {
	matters: Old & { id: number; about: string };
	servers: { server: string; spells: string };
};

export async function wordsToData(db: Kysely<unknown>): Promise<void> {
	const old = db as Kysely<OldTables>;
	await old.schema
		.alterTable('matters')
		.addColumn('about', 'text', column => column.notNull().defaultTo('{}'))
		.execute();
	for (const { id, ...matter } of await old.selectFrom('matters').selectAll().execute()) {
		const about = JSON.stringify(aboutOf(matter));
		await old.updateTable('matters').set({ about }).where('id', '=', id).execute();
	}
	await old.schema.alterTable('matters').dropColumn('title').execute();
	for (const { server, spells } of await old.selectFrom('servers').selectAll().execute()) {
		const kept = JSON.stringify((JSON.parse(spells) as Record<string, unknown>[]).map(withoutWords));
		if (kept !== spells) await old.updateTable('servers').set({ spells: kept }).where('server', '=', server).execute();
	}
}

/** What a poll saw was stored only as Markdown. The next poll reports it again. */
function withoutWords({ why: _, seen: __, ...spell }: Record<string, unknown>): Record<string, unknown> {
	return spell;
}

/** What a condition was about. If the title cannot be read, the subject still says most of it. */
function aboutOf({ rule, subject, stage, episode, title }: Old): AlertSubject {
	switch (rule) {
		case 'release':
			return { rule, newest: /^Synapse (\S+) is out$/.exec(title)?.[1] ?? subject };
		case 'withdrawn':
			return { rule, version: subject };
		case 'advisory':
		case 'unclear': {
			const [, rating, name] = /\((critical|high|moderate|low)\): (.*)$/s.exec(title) ?? [];
			return { rule, id: subject, rating: (rating ?? 'moderate') as 'moderate', name: name ?? subject };
		}
		case 'deadline': {
			const [, when = '', name = title] = /^([^:`]+): (.*)$/s.exec(title) ?? [];
			return {
				rule,
				name,
				// A question is stored as `ask`; only its title says how near the deadline was.
				stage: stage === 'ask' ? (askedStages[when] ?? 'next') : stage,
				...(when === 'Overdue' && { overdue: true as const }),
			};
		}
		case 'lifecycle': {
			const [, name = subject, end = ''] =
				/^(.*) (has lost its support|loses its support|have ended|may end with any release|end soon)$/s.exec(title) ??
				[];
			const isSupport = end.endsWith('support') || end === '';
			const state = /lost|ended/.test(end) ? 'over' : end.startsWith('may') ? 'due' : 'soon';
			return { rule, name, of: isSupport ? 'support' : 'packages', state };
		}
		case 'floor': {
			const [of = '', min = ''] = subject.split(/-(.*)/s);
			return { rule, of: of as 'python', min };
		}
		case 'unseen':
			return { rule, is: subject as 'silent', since: episode };
		case 'mixture': {
			const [, lowest = '?', highest = '?'] = /answers with (\S+) and with (\S+) by turns$/.exec(title) ?? [];
			return { rule, lowest, highest };
		}
		case 'change': {
			// It was over as soon as it was reported, and nobody asks for its title.
			const [from = '', to = ''] = subject.split('→');
			const named = (version: string) => ({ version, standing: 'release' as const });
			return { rule, from: named(from), to: named(to), judged: true };
		}
		default:
			return { rule: 'first', running: { version: subject, standing: 'release' } };
	}
}

const askedStages: Record<string, string> = {
	'Within 30 days': 'd30',
	'Within two weeks': 'd14',
	'Within a week': 'd7',
	Tomorrow: 'd1',
	'In the next release': 'next',
	'A candidate of the release is out': 'rc',
};
