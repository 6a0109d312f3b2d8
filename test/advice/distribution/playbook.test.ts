// Which entries of the playbook's history are in a span, and whom they affect.
import { describe, expect, test } from 'vitest';
import { type Deployment, namesOf, type Vars } from '../../../src/advice/distribution/components.ts';
import { type PlaybookSpan, playbookPlan } from '../../../src/advice/distribution/playbook.ts';
import type { EnabledByDefault, PlaybookKnowledge } from '../../../src/knowledge/schema/distribution.ts';
import type { Playbook, Renamed } from '../../../src/knowledge/schema/synapse.ts';
import { playbookEntry } from '../../known.ts';

const enabled: EnabledByDefault[] = [{ variable: 'coturn_enabled', until: '2026-02-21' }];
const change = (date: string) => ({ date, url: 'https://example.org' });
const renamed: Renamed[] = [
	{ old: 'matrix_coturn_*', new: 'coturn_*', change: change('2026-02-11') },
	{ old: 'matrix_dimension_*', says: 'gone', change: change('2026-02-12') },
	{ old: 'matrix_hookshot_*', new: 'matrix_bridge_hookshot_*', change: change('2026-07-16') },
];
const entries = [
	playbookEntry('mdad/2026-01-10/all'),
	playbookEntry('mdad/2026-02-12/dimension', {
		components: ['matrix_dimension_enabled'],
		uses: ['matrix_dimension_*'],
	}),
	playbookEntry('mdad/2026-02-21/coturn', { components: ['coturn_enabled'], unless: ['coturn_enabled'] }),
	playbookEntry('mdad/2026-03-01/late', { added: '2026-03-08', breaking: false }),
	playbookEntry('mdad/2026-04-01/hookshot', { components: ['matrix_hookshot_enabled'], first: 'Back up.' }),
	playbookEntry('mdad/2026-05-01/value', { migration: 'v2026.05.01.0', components: ['jitsi_enabled'] }),
	playbookEntry('mdad/2026-05-10/known', {
		breaking: false,
		sources: [{ document: 'CHANGELOG.md', section: '2026-05-10', heading: '*Known* by this edition', url: '' }],
	}),
];
const playbook: PlaybookKnowledge = {
	commit: '',
	read: '2026-06-01',
	migration: 'v2026.05.01.0',
	entries,
	enabled,
	derived: [],
	required: [],
	synapse: [
		{ date: '2026-01-01', synapse: '1.144.0' },
		{ date: '2026-02-01', synapse: '1.146.0' },
		{ date: '2026-05-05', synapse: '1.152.0' },
	],
	unread: [
		{
			date: '2026-03-05',
			heading: '(BC Break) Nobody read this',
			added: '2026-03-05',
			commit: '',
			url: 'https://example.org',
			hash: '',
		},
	],
};
const names = namesOf(entries, enabled, renamed);

function planned(span: Partial<PlaybookSpan>, deployment: Partial<Deployment> = {}, live?: Playbook) {
	const whole = { from: '2026-01-01', fromIsIn: true, to: '2026-06-01', ...span };
	return playbookPlan(whole, { stated: new Map(), ...deployment }, names, { playbook, renamed, live });
}
const ids = (span: Partial<PlaybookSpan>, deployment?: Partial<Deployment>) =>
	planned(span, deployment).entries.map(({ id }) => id.split('/')[2]);
const concern = (id: string, deployment: Partial<Deployment>) =>
	planned({}, deployment).entries.find(found => found.id.endsWith(`/${id}`))?.concerned ?? false;
const vars = (values: Record<string, true | false | 'set'>, isWhole = true): { vars: Vars } => ({
	vars: { values: new Map(Object.entries(values)), empty: new Set(), words: new Map(), isWhole },
});
const stated = (values: Record<string, boolean>) => ({ stated: new Map(Object.entries(values)) });

test('includes the last day, and the first day unless it is excluded', () => {
	expect(ids({ from: '2026-02-12', to: '2026-02-21' })).toEqual(['dimension', 'coturn']);
	expect(ids({ from: '2026-02-12', fromIsIn: false, to: '2026-02-20' })).toEqual([]);
});

test('includes a late entry for anyone who pulled between its date and its arrival', () => {
	expect(ids({ from: '2026-03-05', to: '2026-03-31' })).toEqual(['late']);
	expect(ids({ from: '2026-03-09', to: '2026-03-31' })).toEqual([]);
	// The change itself may have been there before its log entry.
	expect(ids({ from: '2026-02-28', to: '2026-03-02' })).toEqual(['late']);
	expect(ids({ from: '2026-02-25', to: '2026-02-28' })).toEqual([]);
});

describe('an entry applies', () => {
	test('to everyone if it names no component', () => expect(concern('all', {})).toBe(true));

	test('if its component is on, as stated or in the file, and perhaps if neither says so', () => {
		expect(concern('value', {})).toBe('unknown');
		expect(concern('value', stated({ jitsi_enabled: true }))).toBe(true);
		expect(concern('value', stated({ jitsi_enabled: false }))).toBe(false);
		expect(concern('value', vars({ jitsi_enabled: true }))).toBe(true);
		expect(concern('value', vars({ jitsi_enabled: false }))).toBe(false);
		expect(concern('value', vars({ jitsi_enabled: 'set' }))).toBe('unknown');
		expect(concern('value', vars({}))).toBe(false);
		expect(concern('value', vars({}, false))).toBe('unknown');
	});

	test("under a component's old and new names", () => {
		expect(concern('hookshot', vars({ matrix_hookshot_enabled: true }))).toBe(true);
		expect(concern('hookshot', vars({ matrix_bridge_hookshot_enabled: true }))).toBe(true);
		expect(concern('hookshot', stated({ matrix_bridge_hookshot_enabled: true }))).toBe(true);
	});

	test('because of variables that are set, even if its component is off', () => {
		expect(concern('dimension', vars({ matrix_dimension_enabled: false }))).toBe(true);
		expect(concern('dimension', vars({ other: true }))).toBe(false);
		expect(concern('dimension', {})).toBe('unknown');
	});

	test('according to the variable that its component follows, unless the component is set itself', () => {
		const is = (variable: string, word: string, since = '2025-01-01') => ({
			variable,
			from: 'matrix_homeserver_implementation',
			is: [word],
			since,
		});
		const derived = [
			is('matrix_synapse_enabled', 'synapse'),
			is('matrix_tuwunel_enabled', 'tuwunel'),
			is('matrix_conduwuit_enabled', 'conduwuit'),
			is('matrix_late_enabled', 'late', '2026-03-01'),
			{ variable: 'coturn_enabled', from: 'jitsi_enabled', since: '2026-02-22' },
		];
		const of = (variable: string, date = '2026-02-01', more = {}) =>
			playbookEntry(`mdad/${date}/${variable.split('_').at(-2)}`, { components: [variable], ...more });
		const own = [
			of('matrix_synapse_enabled'),
			of('matrix_tuwunel_enabled'),
			of('matrix_conduwuit_enabled', '2026-02-01', { uses: ['matrix_conduwuit*'], onlyIf: 'it is conduwuit' }),
			of('matrix_late_enabled'),
			of('coturn_enabled', '2026-03-01'),
		];
		const known = { ...playbook, entries: own, derived, enabled: [{ variable: 'matrix_synapse_enabled' }] };
		const concerns = (word: string | undefined, more: Partial<Deployment> = {}, set: Vars['values'] = new Map()) => {
			const from = 'matrix_homeserver_implementation';
			const values = new Map([...set, ...(word === undefined ? [] : [[from, 'set'] as const])]);
			const words = new Map(word === undefined || word === '{{' ? [] : [[from, word] as const]);
			const { entries: found } = playbookPlan(
				{ from: '2026-01-01', fromIsIn: true, to: '2026-06-01' },
				{ stated: new Map(), vars: { values, words, empty: new Set(), isWhole: true }, ...more },
				namesOf(own, known.enabled, renamed),
				{ playbook: known, renamed },
			);
			return found.map(({ id, concerned, byDefault }) => [id.split('/')[2], byDefault ? 'default' : concerned]);
		};
		expect(concerns(undefined)).toEqual([['synapse', 'default']]);
		expect(concerns('synapse')).toEqual([['synapse', true]]);
		expect(concerns('tuwunel')).toEqual([['tuwunel', true]]);
		// An entry about its variables applies too, even if the file has none of them.
		expect(concerns('conduwuit')).toEqual([['conduwuit', true]]);
		// The entry is older than the rule that this variable decides the component.
		expect(concerns('late')).toEqual([]);
		expect(concerns('{{')).toEqual([
			['synapse', 'unknown'],
			['tuwunel', 'unknown'],
		]);
		expect(concerns('tuwunel', {}, new Map([['matrix_synapse_enabled', true]]))).toEqual([
			['synapse', true],
			['tuwunel', true],
		]);
		expect(concerns('synapse', {}, new Map([['jitsi_enabled', true]]))).toEqual([
			['synapse', true],
			['coturn', true],
		]);
		// Someone who states one homeserver has no other.
		const { stated: said } = stated({ matrix_tuwunel_enabled: true });
		expect(concerns(undefined, { stated: said, vars: undefined })).toEqual([
			['tuwunel', true],
			['late', 'unknown'],
			['coturn', 'unknown'],
		]);
	});

	test('only perhaps if it has a condition in words, unless a variable decides it', () => {
		const condition = { onlyIf: 'clients and server share a private network' };
		const uses = { components: ['jitsi_enabled'], uses: ['jitsi_web_*'], onlyIf: 'you tuned Jitsi' };
		const own = [
			playbookEntry('mdad/2026-01-11/common', condition),
			playbookEntry('mdad/2026-01-12/default', { components: ['coturn_enabled'], ...condition }),
			playbookEntry('mdad/2026-01-13/tuned', uses),
		];
		const concerns = (deployment: Partial<Deployment>) =>
			playbookPlan(
				{ from: '2026-01-01', fromIsIn: true, to: '2026-06-01' },
				{ stated: new Map(), ...deployment },
				names,
				{
					playbook: { ...playbook, entries: own },
					renamed,
				},
			).entries.map(({ concerned }) => concerned);
		expect(concerns({})).toEqual(['unknown', 'unknown', 'unknown']);
		expect(concerns(stated({ jitsi_enabled: true, coturn_enabled: true }))).toEqual(['unknown', 'unknown', 'unknown']);
		expect(concerns(vars({ jitsi_enabled: true, jitsi_web_port: 'set' }))).toEqual(['unknown', 'unknown', true]);
		expect(concerns(stated({ coturn_enabled: false }))).toEqual(['unknown', 'unknown']);
	});

	test('if its component was on by default and is not turned off', () => {
		const found = planned({}).entries.find(({ id }) => id.endsWith('/coturn'));
		expect(found).toMatchObject({ concerned: true, byDefault: true, components: ['coturn'] });
		expect(concern('coturn', stated({ coturn_enabled: false }))).toBe(false);
		expect(concern('coturn', vars({}))).toBe(true);
		// The end of a default does not affect anyone who sets the variable.
		expect(concern('coturn', vars({ coturn_enabled: true }))).toBe(false);
	});

	test('or is listed with the reason why not', () => {
		expect(planned({}, stated({ jitsi_enabled: false })).hidden).toMatchObject([
			{ id: 'mdad/2026-05-01/value', because: ['no-jitsi'] },
		]);
		expect(planned({}, vars({})).hidden).toContainEqual(
			expect.objectContaining({ id: 'mdad/2026-02-12/dimension', because: ['configuration'] }),
		);
	});
});

test('lists what must be done before pulling further', () => {
	expect(planned({}).halts).toMatchObject([
		{ id: 'mdad/2026-04-01/hookshot', first: 'Back up.', concerned: 'unknown' },
	]);
	expect(planned({}, stated({ matrix_bridge_hookshot_enabled: false })).halts).toEqual([]);
});

test('lists the variables renamed in the span; with a file, only those in the file, whatever the span', () => {
	expect(planned({ from: '2026-02-12', to: '2026-03-01' }).variables.map(({ old }) => old)).toEqual([
		'matrix_dimension_*',
	]);
	const found = planned({ from: '2026-05-01' }, vars({ matrix_coturn_enabled: false, coturn_port: 'set' }));
	expect(found.variables).toMatchObject([{ old: 'matrix_coturn_enabled', new: 'coturn_enabled' }]);
});

test('asks for the migration value only if the span raises it', () => {
	expect(planned({}).migration).toBe('v2026.05.01.0');
	expect(planned({ to: '2026-04-30' })).not.toHaveProperty('migration');
});

test('asks for the migration value of the last day, even if the change affects only others', () => {
	const later = [...entries, playbookEntry('mdad/2026-05-20/later', { migration: 'v2026.05.20.0' })];
	const known = { playbook: { ...playbook, entries: later, migration: 'v2026.05.21.0' }, renamed };
	const value = (to: string, jitsi?: boolean) =>
		playbookPlan(
			{ from: '2026-01-01', fromIsIn: true, to },
			stated(jitsi === undefined ? {} : { jitsi_enabled: jitsi }),
			names,
			known,
		).migration;
	expect(value('2026-05-02')).toBe('v2026.05.01.0');
	expect(value('2026-05-02', false)).toBe('v2026.05.01.0');
	expect(value('2026-05-31')).toBe('v2026.05.20.0');
	expect(value('2026-06-01')).toBe('v2026.05.21.0');
	expect(value('2026-06-15')).toBe('v2026.05.21.0');
});

test('compares the Synapse version before the first day with the one on the last day', () => {
	expect(planned({ from: '2026-02-01', to: '2026-05-05' }).synapse).toEqual({ from: '1.144.0', to: '1.152.0' });
	expect(planned({ from: '2026-02-01', fromIsIn: false }).synapse.from).toBe('1.146.0');
	expect(planned({ from: '2025-01-01' }).synapse.from).toBeUndefined();
});

test('lists uncurated sections: those of this edition and those that the bot has read since', () => {
	const live = {
		read: '2026-06-10',
		synapse: '1.155.0',
		entries: [
			{ date: '2026-06-10', title: 'New', breaking: true, text: '> quoted', url: 'https://example.org/new' },
			{ date: '2026-05-10', title: 'Known by this edition', breaking: false, text: '', url: 'https://example.org' },
		],
	};
	const late = {
		date: '2026-05-20',
		title: '(BC Break) Merged late',
		breaking: true,
		text: '',
		url: 'https://example.org',
	};
	const old = { ...late, date: '2026-03-20', title: 'Reworded since' };
	const both = { ...live, entries: [...live.entries, late, old] };
	// It was merged after the edition was created, whatever its date says.
	expect(planned({ from: '2026-05-25', to: '2026-06-30' }, {}, both).unread).toMatchObject([
		{ heading: 'New' },
		{ date: '2026-05-20', heading: '(BC Break) Merged late' },
	]);
	expect(planned({ to: '2026-05-31' }, {}, both).unread.map(({ heading }) => heading)).toEqual([
		'(BC Break) Nobody read this',
	]);
	const { unread } = planned({ to: '2026-06-30' }, {}, live);
	expect(unread).toMatchObject([
		{ date: '2026-06-10', heading: 'New', text: '> quoted' },
		{ date: '2026-03-05', heading: '(BC Break) Nobody read this', breaking: true },
	]);
	expect(planned({ to: '2026-06-01' }, {}, live).unread).toHaveLength(1);
});
