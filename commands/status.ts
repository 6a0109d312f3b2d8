// !status: bot health, and how current the knowledge is.

import { horizon } from '../src/advice/upgrade/plan.ts';
import { runningOf } from '../src/advice/watch/history.ts';
import type { Command, DeviceStanding, Ports } from '../src/command.ts';
import { bundleTroubleWords } from '../src/messages/published.ts';
import { statusWords } from '../src/messages/status.ts';
import { sourceTroubleWords } from '../src/messages/upstream-outage.ts';
import { versionWords } from '../src/messages/version.ts';
import type { PublishedKnowledge } from '../src/ports/web.ts';

export const status = {
	name: 'status',
	usage: 'status',
	summary: 'bot health, and how current my data is',
	examples: ['status'],
	changes: false,
	async run({ room }, { knowledge, health, store, now }: Pick<Ports, 'knowledge' | 'health' | 'store' | 'now'>) {
		const { last, next } = await store.looks();
		const watches = new Map((await store.watches(room)).map(watch => [watch.server, watch]));
		const { zone = 'UTC' } = await store.settings(room);
		const lastSync = health.lastSync();
		const device = health.device?.();
		const newer = health.newer?.();
		const sources = health.sources?.();
		const published = health.published?.(knowledge);
		const uninvited = await store.uninvited();
		const replacement = uninvited.find(({ from }) => from === room)?.to;
		// Other rooms are only counted: people here have no business knowing which they are.
		const elsewhere = uninvited.length - (replacement === undefined ? 0 : 1);
		const ago = (at: Date) => Math.max(0, Math.round((now().getTime() - at.getTime()) / 1000));
		const value = {
			format: 1 as const,
			version: health.version,
			...(newer !== undefined && { newer }),
			upSeconds: Math.round((now().getTime() - health.startedAt.getTime()) / 1000),
			...(lastSync && { lastSync: lastSync.toISOString() }),
			...(health.storeLost && { storeLost: health.storeLost.toISOString() }),
			...(device && { device: deviceOf(device) }),
			horizon: horizon(knowledge),
			notes: knowledge.notes.length,
			unread: knowledge.unread.length,
			advisories: knowledge.advisories.length,
			watch: {
				...(last && { last: last.toISOString() }),
				...(next && { next: next.toISOString() }),
				servers: (await store.serversOf(room)).map(server => {
					const seen = server.history.findLast(({ is }) => is === 'synapse');
					const { told, checks = [] } = watches.get(server.server) ?? {};
					const running = runningOf(server.history, told, now());
					return {
						server: server.server,
						...(running && { runs: versionWords(running, knowledge) }),
						...(seen && { seen: seen.until }),
						...(server.looked && { looked: server.looked.toISOString() }),
						next: server.next.toISOString(),
						...(checks.length > 0 && { checked: checks.map(({ day, by }) => ({ day, by })) }),
					};
				}),
			},
			...(uninvited.length > 0 && {
				awaitsInvitation: { ...(replacement !== undefined && { here: replacement }), elsewhere },
			}),
			...(published && { updates: updatesOf(published, ago) }),
			...(sources && {
				sources: sources.map(({ name, address, read, trouble }) => ({
					name,
					address,
					...(read && { read: read.toISOString(), ago: ago(read) }),
					...(trouble !== undefined && { trouble: sourceTroubleWords(trouble) }),
				})),
			}),
		};
		return statusWords(value, zone);
	},
} satisfies Command;

function updatesOf({ address, read, trouble, counts }: PublishedKnowledge, ago: (at: Date) => number) {
	return {
		address,
		...(counts && { counts }),
		...(read && { read: read.toISOString(), ago: ago(read) }),
		...(trouble && {
			['refusal' in trouble ? 'refused' : 'trouble']: {
				at: trouble.at.toISOString(),
				why: bundleTroubleWords(trouble),
			},
		}),
	};
}

function deviceOf({ fingerprint, signed, unsignedSince, devices, second, lingering, mute, muteBy }: DeviceStanding) {
	return {
		fingerprint,
		...(signed !== undefined && { signed }),
		...(unsignedSince && { unsignedSince: unsignedSince.toISOString() }),
		...(devices !== undefined && { devices }),
		...(second !== undefined && { second }),
		...(lingering && { lingering }),
		...(mute !== undefined && { mute }),
		...(muteBy !== undefined && { muteBy }),
	};
}
