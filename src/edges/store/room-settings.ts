// A room's settings: time zone, quiet hours and so on.
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
			// The terminal's room has no row, since no sync brings it; it lasts as long as the conversation.
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
