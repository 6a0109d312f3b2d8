// The cases in which a guide is followed: the layout, the way, the versions, and how far.
import type { Job, Locale } from './played.ts';

export type Case = {
	/** The words by which a case is chosen. */
	id: string;
	stated: Record<string, string>;
	facts: string[];
	flow: Job['flow'];
	/** The old server's locale, unless it is C. */
	locale?: Locale;
	/** The major versions needed, and the oldest that Synapse must start on. */
	servers: string[];
	oldest?: string;
	/** The parameters that the trial covers. */
	with: Record<string, string>;
	/** What was replaced by stand-ins, for readers. */
	played?: string;
};

/** All cases of a guide; none if it cannot be run here. */
export function casesOf(guide: string): Case[] {
	return { 'postgres-major': major, 'sqlite-postgres': sqlite, backup: proofs }[guide] ?? [];
}

const docker =
	'No real containers were used. A stand-in for `docker` performed the same steps as Compose and the official image, with the same programs on real data.';
const lent = 'PostgreSQL 13, 14 and 16 servers used the client programs of 15 or 17.';
const debian =
	"Debian's own cluster programs were used. The packages were put in place by hand, and a stand-in replaced systemd.";

const mdad =
	"Ansible ran the playbook's own PostgreSQL role, with Synapse beside it. Stand-ins replaced Docker, the two Ansible modules that control it, systemd and `just`.";

function upgrade(
	layout: 'compose' | 'debian' | 'managed' | 'mdad',
	way: 'dump' | 'pg-upgrade' | 'down' | 'playbook',
	[from, to]: [string, string],
	flow: Job['flow'],
	played?: string,
	more: Record<string, string> = {},
): Case {
	const names: Record<string, string> =
		layout === 'managed' ? { host: 'old.example', 'new-host': 'new.example', admin: 'boss' } : {};
	return {
		id: [layout, way, `${from}-${to}`, flow, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(
			' ',
		),
		stated: { layout, way, from, to, ...names, ...more },
		facts: [],
		flow,
		servers: [from, to],
		oldest: way === 'down' ? to : from,
		with: { layout, way, from, to, ...more },
		...(played && { played }),
	};
}

/** On compose, Synapse's database has this locale too, and the guide corrects it. On Debian, only the others do. */
function sorted(layout: 'compose' | 'debian', locale: Locale, servers: [string, string], played: string): Case {
	const one = upgrade(layout, 'dump', servers, 'onward', played);
	return { ...one, id: `${one.id} locale=${locale}`, locale, with: { ...one.with, locale } };
}

const major: Case[] = [
	sorted('compose', 'C.UTF-8', ['15', '17'], docker),
	sorted('compose', 'en_US.UTF-8', ['15', '17'], docker),
	sorted('compose', 'icu', ['15', '17'], docker),
	sorted('debian', 'C.UTF-8', ['15', '17'], debian),
	sorted('debian', 'en_US.UTF-8', ['15', '17'], debian),
	sorted('debian', 'icu', ['15', '17'], debian),
	upgrade('compose', 'dump', ['15', '17'], 'back', docker),
	upgrade('compose', 'dump', ['15', '18'], 'onward', docker),
	upgrade('compose', 'dump', ['13', '17'], 'onward', `${docker} ${lent}`),
	upgrade(
		'compose',
		'dump',
		['9.6', '17'],
		'back',
		`${docker} The PostgreSQL 9.6 server used the client programs of 15.`,
	),
	upgrade('compose', 'dump', ['14', '17'], 'onward', `${docker} ${lent}`),
	upgrade('compose', 'dump', ['17', '18'], 'back', docker),
	upgrade('debian', 'dump', ['15', '17'], 'back', debian),
	upgrade('debian', 'pg-upgrade', ['15', '17'], 'back', debian),
	upgrade('debian', 'dump', ['15', '18'], 'onward', debian),
	upgrade('debian', 'dump', ['15', '17'], 'each', `${debian} Another cluster held the default port.`, { port: '5433' }),
	upgrade('managed', 'dump', ['15', '17'], 'back', "Two servers on one machine stood in for a provider's."),
	upgrade('managed', 'dump', ['16', '18'], 'onward', "Two servers on one machine stood in for a provider's."),
	upgrade('compose', 'dump', ['15', '17'], 'each', docker),
	upgrade('compose', 'dump', ['15', '18'], 'each', docker),
	upgrade('compose', 'dump', ['13', '17'], 'back', `${docker} ${lent}`),
	upgrade('debian', 'dump', ['15', '17'], 'each', debian),
	upgrade('debian', 'pg-upgrade', ['15', '17'], 'each', debian),
	upgrade('debian', 'down', ['17', '15'], 'each', debian),
	upgrade('managed', 'dump', ['15', '17'], 'each', "Two servers on one machine stood in for a provider's."),
	upgrade('compose', 'dump', ['14', '17'], 'back', `${docker} ${lent}`, { superuser: 'postgres' }),
	upgrade('compose', 'dump', ['15', '17'], 'onward', docker, { data: 'pgdata' }),
	upgrade('compose', 'dump', ['15', '18'], 'back', docker, { 'old-files': './schemas/pgdata' }),
	upgrade('compose', 'down', ['17', '15'], 'back', docker),
	upgrade('compose', 'down', ['18', '15'], 'onward', docker),
	upgrade('compose', 'down', ['18', '15'], 'each', docker),
	upgrade('debian', 'down', ['17', '15'], 'back', debian),
	upgrade('debian', 'down', ['18', '15'], 'onward', debian),
	upgrade('managed', 'down', ['18', '15'], 'back', "Two servers on one machine stood in for a provider's."),
	upgrade('mdad', 'playbook', ['15', '17'], 'back', mdad),
	upgrade('mdad', 'playbook', ['15', '17'], 'onward', mdad),
	upgrade('mdad', 'playbook', ['13', '17'], 'onward', `${mdad} ${lent}`),
	upgrade('mdad', 'playbook', ['15', '17'], 'each', mdad),
	{
		id: 'failures plain',
		stated: { layout: 'compose', way: 'dump', from: '15', to: '18' },
		facts: [],
		flow: 'failures',
		servers: ['15', '16', '17', '18'],
		with: {},
	},
	{
		id: 'failures too-old',
		stated: { layout: 'managed', way: 'dump', from: '13', to: '18' },
		facts: [],
		flow: 'failures',
		servers: ['13'],
		with: {},
	},
	{
		id: 'failures mdad',
		stated: { layout: 'mdad', way: 'playbook', from: '15', to: '17' },
		facts: [],
		flow: 'failures',
		servers: ['15', '17'],
		oldest: '15',
		with: {},
	},
	{
		id: 'failures debian',
		stated: { layout: 'debian', way: 'pg-upgrade', from: '15', to: '18' },
		facts: [],
		flow: 'failures',
		servers: ['15', '18'],
		with: {},
	},
];

function port(layout: 'compose' | 'debian', to: string, flow: Job['flow'], played: string): Case {
	const places: Record<string, string> =
		layout === 'compose'
			? {}
			: {
					files: '/mnt/matrix-synapse',
					'sqlite-file': '/mnt/synapse-data/homeserver.db',
					snapshot: '/mnt/synapse-data/snapshot.db',
				};
	return {
		id: `${layout} ${to} ${flow}`,
		stated: { layout, to, way: 'once', ...places },
		facts: [],
		flow,
		servers: [to],
		oldest: to,
		with: { layout, to },
		played,
	};
}

const sqlite: Case[] = [
	port('compose', '17', 'back', docker),
	port('compose', '18', 'onward', docker),
	port('compose', '17', 'each', docker),
	port('debian', '17', 'each', debian),
	port('debian', '17', 'back', debian),
	port('debian', '15', 'onward', debian),
	{
		id: 'failures',
		stated: { layout: 'compose', to: '17', way: 'once' },
		facts: [],
		flow: 'failures',
		servers: ['13', '17'],
		with: {},
	},
];

function proof(
	layout: 'compose' | 'debian' | 'mdad',
	[from, to]: [string, string],
	flow: Job['flow'],
	played: string,
	more = {},
): Case {
	return {
		id: [
			layout,
			`${from}-${to}`,
			flow,
			...Object.entries(more).map(([name, value]) => `${name}=${String(value)}`),
		].join(' '),
		stated: { layout, from, to, ...more },
		facts: [],
		flow,
		servers: [from, to],
		oldest: from,
		with: flow === 'failures' ? {} : { layout, to, ...more },
		played,
	};
}

const proofs: Case[] = [
	proof('compose', ['15', '15'], 'onward', docker),
	proof('compose', ['15', '17'], 'onward', docker),
	proof('compose', ['15', '17'], 'onward', docker, { format: 'all' }),
	proof('compose', ['15', '17'], 'onward', docker, { login: 'other' }),
	proof('compose', ['17', '15'], 'onward', docker, { format: 'sql' }),
	proof('debian', ['15', '15'], 'onward', debian),
	proof('debian', ['15', '17'], 'onward', debian),
	proof('debian', ['17', '15'], 'onward', debian, { format: 'sql' }),
	proof(
		'mdad',
		['15', '17'],
		'onward',
		"The playbook's own role installed the server that was dumped, and its templates wrote the configuration. Stand-ins replaced Docker and systemd.",
	),
	proof('compose', ['15', '17'], 'failures', docker),
	proof('debian', ['15', '17'], 'failures', debian),
];
