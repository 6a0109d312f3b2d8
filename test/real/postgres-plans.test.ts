// A store with a million watches on 200,000 servers: no statement scans a whole table, and old rows are deleted in
// small steps. PostgreSQL itself explains each statement of the store's functions.
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { joinReplicas, type Replica } from '../../src/edges/store/lease.ts';
import { openPostgresStore } from '../../src/edges/store/postgres-store.ts';
import type { Incoming } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { fill } from './filled.ts';
import { startPostgres, type TestServer } from './postgres.ts';

const now = new Date();
const long = new Date(now.getTime() - 365 * 24 * 3600_000);
const room = '!r7:example.org';
const server = 's7.example.org';
const person = '@p7:example.org';
const saying = { said: 'x', room, kind: 'event', event: { type: 'm.room.message', content: {} } } as const;
const unreadable = { event: '$u', room, sender: person, at: now, session: 's', why: 'w', raw: '{}' };
const watch = { id: 'w7', room, server, facts: [], changed: now };
const message: Incoming = { event: '$n', room, sender: person, at: now, body: '!help', mentioned: false, once: 'o7' };
const session = {
	session: { id: 'g7', room, is: 'done' } as never,
	thread: { root: 'b15' },
	says: [{ said: 'b15' }],
};
const move = {
	from: room,
	to: '!r8:example.org',
	via: 'example.org',
	sender: person,
	since: now,
	tries: 0,
	joined: false,
};
const alert = {
	watch: 'w7',
	rule: 'advisory',
	subject: 'CVE',
	stage: 'open',
	episode: 'e',
	kind: 'new',
	severity: 'warning',
	about: { rule: 'advisory', id: 'CVE', rating: 'moderate', name: 'x' },
} as const;

/** Calls each function of the store as the bot does. */
const calls: { [Name in Exclude<keyof Store, 'copyTo' | 'tidy' | 'close'>]: (store: Store) => Promise<unknown> } = {
	account: store => store.account(),
	owner: store => store.owner(),
	keepAccount: store =>
		store.keepAccount({ user: '@g:x', homeserver: 'https://x', device: 'D', token: 't', origin: 'o', since: now }),
	dropToken: store => store.dropToken(),
	token: store => store.token(),
	take: store =>
		store.take(
			{
				token: 't',
				joined: [
					{
						room,
						state: { power: {}, tombstone: { sender: person, replacement: '!r8:example.org' } },
						messages: [message],
						redacted: ['$q7'],
						last: { event: '$l', at: now },
						unreadable: [unreadable],
					},
					{ room: '!new:example.org', state: {}, messages: [], redacted: [] },
				],
				invited: [{ room: '!invited:example.org', inviter: person }],
				left: [{ room: '!r9:example.org' }],
			},
			now,
		),
	gaps: store => store.gaps(now),
	nextGap: store => store.nextGap(),
	fill: store => store.fill({ room: '!new:example.org', batch: 1, from: 't' }, { messages: [message] }, now),
	postponeGap: store => store.postponeGap({ room, batch: 1, from: 't' }, now),
	unread: store => store.unread({ events: ['$q1'], senders: [{ room, sender: person }] }),
	nextMessage: store => store.nextMessage(room, { events: ['$q1'], senders: [{ room, sender: person }] }),
	note: store => store.note('$n', [saying], now),
	settle: store => store.settle('$n', [{ ...saying, said: 'y' }], now, session, ['$n2']),
	awaitsFile: store => store.awaitsFile({ ...message, repliesTo: '$s7' }),
	sessionIn: store => store.sessionIn(room, '$s7'),
	sessionOfSaying: store => store.sessionOfSaying(room, '$s7'),
	isThreadOurs: store => store.isThreadOurs(room, '$t7'),
	confirmation: store => store.confirmation(room, '$s7'),
	sessions: store => store.sessions(room),
	stoppedSessions: store => store.stoppedSessions(room, 5),
	unreadable: store => store.unreadable(),
	unexplained: store => store.unexplained(now),
	explain: store => store.explain(unreadable, { ...saying, said: 'z' }, now),
	passOver: store => store.passOver(room, now, now),
	load: store => store.load(person),
	room: store => store.room(room),
	wasEncrypted: store => store.wasEncrypted(room),
	untold: store => store.untold(),
	tell: store => store.tell(room, [], now),
	counts: store => store.counts(),
	figures: store => store.figures(now),
	serversAfter: store => store.serversAfter('s5', 100),
	due: store => store.due(now, ['!r1:example.org'], 10),
	nextDue: store => store.nextDue(),
	seal: store => store.seal(7, { type: 'm.room.encrypted', content: {} }),
	eventOf: store => store.eventOf(room, 'a8'),
	sent: store => store.sent(7, '$x', now),
	postpone: store => store.postpone(7, now),
	giveUp: store => store.giveUp(7, 'why', now),
	movingFrom: store => store.movingFrom(room),
	replacementOf: store => store.replacementOf(room),
	hurry: store => store.hurry(now),
	untoldOfSilence: store => store.untoldOfSilence('', 100),
	toldOfSilence: store => store.toldOfSilence('', 100),
	tellOfSilence: store => store.tellOfSilence(true, [{ room, saying: { ...saying, said: 's' } }], now),
	invitations: store => store.invitations(now),
	nextInvitation: store => store.nextInvitation(),
	accepted: store => store.accepted(person, long),
	closeInvitation: store => store.closeInvitation('!invited:example.org', false, now),
	postponeInvitation: store => store.postponeInvitation('!invited:example.org', now),
	moves: store => store.moves(now),
	nextMove: store => store.nextMove(),
	joining: store => store.joining(room, true),
	countJoin: store => store.countJoin(person, now),
	postponeMove: store => store.postponeMove(room, now),
	awaitInvitation: store => store.awaitInvitation(room),
	uninvited: store => store.uninvited(),
	moved: store => store.moved(move, now, { merge: true }),
	dropMove: store => store.dropMove(room),
	leftRoom: store => store.leftRoom('!r10:example.org', now, { greetAgain: true }),
	joinedRooms: store => store.joinedRooms(),
	leftBefore: store => store.leftBefore(now),
	forget: store => store.forget('!r10:example.org'),
	kept: async store => {
		await store.kept.put('key', 'text');
		await store.kept.get('key');
	},
	operatedRooms: store => store.operatedRooms(),
	waitingDeliveries: store => store.waitingDeliveries(100),
	givenUpSince: store => store.givenUpSince(new Date(now.getTime() - 60_000)),
	lostRoomsSince: store => store.lostRoomsSince(new Date(now.getTime() - 60_000)),
	say: store => store.say([{ ...saying, said: 'o' }], now),
	watches: store => store.watches(room),
	watch: store => store.watch(room, server),
	watchesBegunBy: store => store.watchesBegunBy(person),
	watchedBy: store => store.watchedBy(server, '', 20),
	keepWatch: store => store.keepWatch(watch, now),
	server: store => store.server(server),
	serversNamed: store => store.serversNamed([server]),
	serversOf: store => store.serversOf(room),
	dueServers: store => store.dueServers(now, new Date(now.getTime() + 9e9), 100),
	nextLook: store => store.nextLook(),
	lookedAtSince: store => store.lookedAtSince(long, 200),
	keepLook: store => store.keepLook({ server, history: [], looked: now, next: now }),
	keepLooks: store => store.keepLooks([{ server, history: [], looked: now, next: now }]),
	looks: store => store.looks(),
	heard: store => store.heard('w7'),
	open: store => store.open(room),
	saidIn: store => store.saidIn(room, '$s8'),
	keepDecided: store => {
		const say = () => [{ saying: { ...saying, said: 'alert' }, says: [0] }];
		return store.keepDecided([{ watch, alerts: [alert], say }], now, { server, history: [], looked: now, next: now });
	},
	ack: store => store.ack([7], person, now),
	snooze: store => store.snooze([7], { until: now.toISOString() }),
	settings: store => store.settings(room),
	keepSettings: store => store.keepSettings(room, {}, now),
	dropWatch: store => store.dropWatch(room, server),
	// What `prune` deletes is checked in another test.
	prune: store => store.prune(long),
};

/**
 * Functions that have to read a whole table: the rooms, for the operator or to compare them with the homeserver's,
 * and the counts for metrics.
 */
const whole: readonly string[] = ['joinedRooms', 'operatedRooms', 'figures', 'counts'];

/** The tables that grow. The others have few rows, so PostgreSQL does best to read them sequentially. */
const large = [
	'servers',
	'rooms',
	'watches',
	'matters',
	'alerts',
	'outbox',
	'inbox',
	'heard',
	'guide_sessions',
	'session_sayings',
	'silences',
	'joins',
	'invitations',
];

let database: TestServer;
let store: Store;
let replica: Replica;
let explainer: pg.Client;

beforeAll(async () => {
	database = await startPostgres(17, ['fsync=off', 'max_wal_size=4GB']);
	const url = await database.database();
	const address = { url, schema: 'glia' };
	store = (
		await openPostgresStore({
			address,
			migrates: true,
			claims: { poller: 'one', keep: 60_000 },
		})
	).store;
	replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	await fill(database, url, { watches: 1_000_000, due: 200, past: 200 });
	explainer = new pg.Client(url);
	await explainer.connect();
	await explainer.query('SET search_path TO glia');
}, 900_000);

afterAll(async () => {
	await explainer?.end();
	await store?.close();
	await replica?.close();
	await database?.stop();
});

type Plan = { 'Node Type': string; 'Relation Name'?: string; Plans?: Plan[] };

/** The tables that a plan scans. */
function scanned(plan: Plan): string[] {
	const own = plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? ''] : [];
	return [...own, ...(plan.Plans ?? []).flatMap(scanned)];
}

/** The text and the values of a statement, in whichever form pg is called. */
function statementOf([given, more]: readonly unknown[]): { text: string; values: unknown[] } {
	const { text, values } = typeof given === 'string' ? { text: given, values: more } : Object(given);
	return { text: String(text), values: (values as unknown[] | undefined) ?? [] };
}

async function plansOf(call: (store: Store) => Promise<unknown>): Promise<string[]> {
	const query = vi.spyOn(pg.Client.prototype, 'query');
	const statements = await call(store)
		.then(() => query.mock.calls.map(statementOf))
		.finally(() => query.mockRestore());
	const found: string[] = [];
	for (const { text, values } of statements) {
		if (!/^\s*(?:select|insert|update|delete|with)\b/i.test(text)) continue;
		const { rows } = await explainer.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
		for (const { Plan } of rows[0]['QUERY PLAN'] as { Plan: Plan }[])
			for (const table of scanned(Plan)) if (large.includes(table)) found.push(`${table}: ${text}`);
	}
	return found;
}

test.each(Object.entries(calls).filter(([name]) => !whole.includes(name)))(
	'%s reads no whole table',
	async (_, call) => {
		expect(await plansOf(call)).toEqual([]);
	},
	120_000,
);

test('deletes old rows in small steps, and keeps what is still needed', async () => {
	const query = vi.spyOn(pg.Client.prototype, 'query');
	await store.prune(new Date(now.getTime() - 14 * 24 * 3600_000));
	const deletes = query.mock.calls.flatMap((call, i) =>
		statementOf(call).text.startsWith('delete')
			? [query.mock.results[i]?.value as unknown as Promise<pg.QueryResult>]
			: [],
	);
	query.mockRestore();
	expect(deletes).not.toEqual([]);
	const counts = (await Promise.all(deletes)).map(({ rowCount }) => rowCount ?? 0);
	expect(Math.max(...counts)).toBeLessThanOrEqual(1000);
	const left = 'SELECT (SELECT count(*) FROM inbox)::int AS inbox, (SELECT count(*) FROM outbox)::int AS outbox';
	// Half of the messages belong to alerts, a quarter to guide sessions.
	const [row] = (await explainer.query(left)).rows;
	expect(row.inbox).toBeLessThan(10);
	expect(row.outbox).toBeGreaterThan(149_000);
	expect(row.outbox).toBeLessThan(151_000);
}, 300_000);

test('would notice a query plan that scans a whole table', async () => {
	expect(await plansOf(calls.joinedRooms)).toEqual([expect.stringMatching(/^rooms: /)]);
});
