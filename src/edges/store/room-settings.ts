// What a room has set for itself: its time zone, quiet hours and the like.
import type { Kysely } from 'kysely';
import type { Settings } from '../../advice/watch/subscription.ts';
import type { WatchStore } from '../../ports/watch-store.ts';
import { type Tables, unknownRoom } from './schema.ts';

export function settingsOf(db: Kysely<Tables>): Pick<WatchStore, 'settings' | 'keepSettings'> {
	return {
		async settings(room) {
			const row = await db.selectFrom('rooms').select('settings').where('room', '=', room).executeTakeFirst();
			return JSON.parse(row?.settings ?? '{}') as Settings;
		},
		async keepSettings(room, settings, now) {
			// Without a sync there is no room yet: the terminal is one, as long as the conversation lasts.
			await db
				.insertInto('rooms')
				.values({
					...unknownRoom,
					room,
					membership: 'joined',
					since: now.getTime(),
					settings: JSON.stringify(settings),
					greeted: 1,
				})
				.onConflict(conflict => conflict.column('room').doUpdateSet({ settings: JSON.stringify(settings) }))
				.execute();
		},
	};
}
