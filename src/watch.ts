// A tick in → what is seen of the servers whose time has come, and alerts into the outbox.
import { createHash } from 'node:crypto';
import { alerts, facingOf } from './advice/alert.ts';
import { alertWords, cardWords } from './advice/alert-words.ts';
import { furthest, pauseAfter } from './advice/pace.ts';
import { sawOf } from './advice/spell.ts';
import type { Settings, Subscription, WatchedServer } from './advice/subscription.ts';
import { lookedAt, watchFrom } from './advice/subscription.ts';
import type { Answer } from './command.ts';
import type { Knowledge } from './knowledge/shape.ts';
import type { Log } from './log.ts';
import type { Numbered, RootedSaying, Store, Web } from './ports.ts';
import { matrixMessages } from './render/matrix.ts';

export type Watching = {
	store: Pick<Store, 'dueServers' | 'nextLook' | 'keepLook' | 'watchesOn' | 'heard' | 'alert' | 'settings'>;
	web: Pick<Web, 'observe'>;
	/** What is known now: news of upstream included. */
	knowledge: () => Knowledge;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Called when something has been put into the outbox. */
	said: () => void;
	stopping: () => boolean;
	/** Between two looks at a server (ms). */
	every: number;
};

/** So many servers are looked at in one go; those that are still due come right after. */
const atOnce = 100;
/** When so many servers are silent at once and none answers, it is we who are cut off. */
const manySilent = 4;

/** Looks at what is due and says what there is to say; gives the time (ms) until something is due again. */
export async function tick(watching: Watching): Promise<number | undefined> {
	const { store, now, stopping, every } = watching;
	for (;;) {
		const begun = now();
		// A clock that was turned back leaves looks in a future that is too far away.
		const horizon = new Date(begun.getTime() + Math.max(2 * every, furthest));
		const due = await store.dueServers(begun, horizon, atOnce);
		if (due.length === 0 || stopping()) break;
		await lookAt(due, watching);
		if (stopping() || due.length < atOnce) break;
	}
	const next = await store.nextLook();
	return next && Math.max(next.getTime() - now().getTime(), 1000);
}

async function lookAt(due: readonly WatchedServer[], watching: Watching): Promise<void> {
	const { store, web, now, random, every, log, stopping } = watching;
	const seen = await Promise.all(
		due.map(async server => {
			const observation = await web.observe(server.server);
			const saw = sawOf(observation);
			const last = server.spells.at(-1);
			const failures = (last?.is === 'silent' ? last.looks : 0) + (saw?.is === 'silent' ? 1 : 0);
			return { server, saw, pause: pauseAfter(observation, failures, { every, random: random() }) };
		}),
	);
	const silent = seen.filter(({ saw }) => saw?.is === 'silent').length;
	const cutOff = silent >= manySilent && silent === seen.length;
	if (cutOff) log.warn({ servers: silent }, 'no server answers: it may be our own network, so nobody is blamed');
	for (const { server, saw, pause } of seen) {
		if (stopping()) return;
		const at = now();
		const next = new Date(at.getTime() + (cutOff ? every : pause));
		const looked = lookedAt(server, cutOff ? undefined : saw, at, next);
		await store.keepLook(looked);
		const again = await decide(looked, watching);
		// Somebody is asleep: what was not said now is decided anew when he wakes.
		if (again && again < next) await store.keepLook({ ...looked, next: again });
	}
}

/** Decides for every room that watches the server; gives the moment when one of them wants to hear more. */
async function decide(server: WatchedServer, watching: Watching): Promise<Date | undefined> {
	const { store, knowledge, now, said, stopping } = watching;
	let again: string | undefined;
	for (const subscription of await store.watchesOn(server.server)) {
		if (stopping()) return undefined;
		const settings = await store.settings(subscription.room);
		const watch = watchFrom(subscription, settings);
		const heard = await store.heard(subscription.id);
		const at = now();
		const situation = { knowledge: knowledge(), spells: server.spells, watch, said: heard, now: at };
		const found = alerts(situation);
		for (const { notBefore } of found) if (notBefore && (again === undefined || notBefore < again)) again = notBefore;
		const ready = found.filter(({ notBefore }) => notBefore === undefined);
		if (ready.length === 0) continue;
		const card = () => {
			const last = server.spells.at(-1);
			return cardWords({
				facing: facingOf(situation),
				zone: watch.zone,
				opening: 'This is the first time that I could see it.',
				...(server.looked && { looked: server.looked }),
				...(last && 'why' in last && { why: last.why }),
			});
		};
		await store.alert(subscription, ready, numbered => sayingsOf(subscription, numbered, settings, card), at);
		said();
	}
	return again === undefined ? undefined : new Date(again);
}

/** One message for what is new, and one in each thread for what goes on there. */
function sayingsOf(
	{ id, room, server }: Subscription,
	numbered: readonly Numbered[],
	settings: Settings,
	card: () => Answer,
): RootedSaying[] {
	const threads = new Map<string | undefined, number[]>();
	for (const [place, { root }] of numbered.entries()) threads.set(root, [...(threads.get(root) ?? []), place]);
	return [...threads].flatMap(([root, says]): RootedSaying[] => {
		const these = says.flatMap(place => numbered[place] ?? []);
		const first = these.some(({ alert }) => alert.rule === 'first');
		const answer = first ? card() : alertWords(server, these, settings.mention);
		const said = saidOf(
			these.map(({ alert }) => [id, alert.rule, alert.subject, alert.stage, alert.episode].join('\n')),
		);
		const { contents } = matrixMessages(answer, { always: settings.messages });
		return contents.map((content, part) => {
			const id = part === 0 ? said : saidOf([said, String(part)]);
			const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': id } };
			const saying = { said: id, room, kind: 'event' as const, event, ...(root !== undefined && { continues: root }) };
			return { saying, says: part === 0 ? says : [] };
		});
	});
}

/** The transaction id of a message: it follows from what the alerts in it are, and from nothing else. */
function saidOf(identities: readonly string[]): string {
	return createHash('sha256')
		.update(JSON.stringify(['alerts', ...[...identities].sort()]))
		.digest('base64url')
		.slice(0, 32);
}
