// Stores the first poll of a subscription, and shows the server's status at a glance.
import { alerts, facingOf } from '../advice/watch/alerts.ts';
import { sawOf } from '../advice/watch/history.ts';
import type { Observation } from '../advice/watch/observation.ts';
import { pauseAfter } from '../advice/watch/poll-interval.ts';
import type { Subscription, WatchedServer } from '../advice/watch/subscription.ts';
import { lookedAt, watchFrom } from '../advice/watch/subscription.ts';
import type { Answer } from '../answer.ts';
import type { Ports } from '../command.ts';
import { cardWords } from '../messages/status-card.ts';
import { carriersFor } from './carriers.ts';

type StatusPorts = Pick<Ports, 'store' | 'now' | 'limits'>;
type CardPorts = Pick<Ports, 'knowledge' | 'distributions' | 'store' | 'now'>;

/** Stores what a poll saw of a server that is watched. */
export async function keepObservation(
	observation: Observation,
	{ store, now, limits }: StatusPorts,
): Promise<WatchedServer> {
	const { server } = observation;
	// Read only now: a poll takes seconds, and the tick may have stored one of its own in the meantime.
	const known = (await store.server(server)) ?? { server, history: [], next: now() };
	const at = now();
	// The middle of the random range; the tick finds its own rhythm from there.
	const pause = pauseAfter(observation, 1, { every: limits.every, random: 0.5 });
	const looked = lookedAt(known, sawOf(observation), at, new Date(at.getTime() + pause));
	await store.keepLook(looked);
	return looked;
}

/** The status card. What it shows counts as reported: the room is told again only as a deadline comes nearer. */
export async function statusCard(
	subscription: Subscription,
	server: WatchedServer,
	opening: string,
	{ store, knowledge, distributions, now }: CardPorts,
): Promise<Answer> {
	const settings = await store.settings(subscription.room);
	const watch = watchFrom(subscription, settings);
	const said = await store.heard(subscription.id);
	// Without this knowledge the card is still useful, and the tick logs the fault.
	const carriers = await carriersFor([subscription.facts], () => distributions).catch(() => undefined);
	const situation = { knowledge, carriers, history: server.history, watch, said, now: now(), card: true };
	const shown = alerts(situation).map(({ notBefore: _, ...alert }) => ({ ...alert, unsaid: true as const }));
	await store.keepDecided([{ watch: subscription, alerts: shown, say: () => [] }], now());
	return cardWords({
		facing: facingOf(situation),
		zone: watch.zone,
		opening,
		...(server.looked && { looked: server.looked, next: server.next }),
	});
}
