// An in-memory store that is opened on first use: most runs of the command line need none.
import type { WatchStore } from '../../ports/watch-store.ts';

export function openLater(): WatchStore {
	let opened: Promise<WatchStore> | undefined;
	function store(): Promise<WatchStore> {
		opened ??= import('./store.ts').then(({ openStore }) => openStore());
		return opened;
	}
	return {
		watches: async room => (await store()).watches(room),
		watch: async (room, server) => (await store()).watch(room, server),
		watchesBegunBy: async person => (await store()).watchesBegunBy(person),
		watchedBy: async (server, after, limit) => (await store()).watchedBy(server, after, limit),
		keepWatch: async (watch, now) => (await store()).keepWatch(watch, now),
		dropWatch: async (room, server) => (await store()).dropWatch(room, server),
		server: async server => (await store()).server(server),
		serversNamed: async names => (await store()).serversNamed(names),
		serversOf: async room => (await store()).serversOf(room),
		dueServers: async (now, horizon, limit) => (await store()).dueServers(now, horizon, limit),
		nextLook: async () => (await store()).nextLook(),
		lookedAtSince: async (since, limit) => (await store()).lookedAtSince(since, limit),
		keepLook: async server => (await store()).keepLook(server),
		keepLooks: async servers => (await store()).keepLooks(servers),
		looks: async () => (await store()).looks(),
		uninvited: async () => (await store()).uninvited(),
		heard: async watch => (await store()).heard(watch),
		open: async room => (await store()).open(room),
		saidIn: async (room, event) => (await store()).saidIn(room, event),
		keepDecided: async (decisions, now, look) => (await store()).keepDecided(decisions, now, look),
		ack: async (ids, by, now) => (await store()).ack(ids, by, now),
		snooze: async (ids, until) => (await store()).snooze(ids, until),
		settings: async room => (await store()).settings(room),
		keepSettings: async (room, settings, now) => (await store()).keepSettings(room, settings, now),
	};
}
