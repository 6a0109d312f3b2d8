// The bot's profile: the display name people may call it by, and an avatar if it has none.
import { readFileSync } from 'node:fs';
import type { Homeserver } from '../../ports/homeserver.ts';
import type { Log } from '../../runtime/log.ts';
import { objectOf, type Session } from './session.ts';

/** Account data that records that the avatar was set once. If it has been removed since, that was on purpose. */
const avatarType = 'io.glia.avatar';

export type OwnProfile = Pick<Homeserver, 'names'> & {
	/** Fetches the display name until the homeserver has responded once, then sets the avatar if there is none. */
	learn: () => Promise<void>;
};

export function openProfile(session: Session, log: Log): OwnProfile {
	const { user, call } = session;
	const localpart = user.slice(1, user.indexOf(':'));
	let displayName: string | undefined;

	let asking: Promise<void> | undefined;

	async function ask(): Promise<void> {
		const found = await call(objectOf, client => client.getUserProfile(user));
		const refused = 'failure' in found && found.failure.kind === 'refused';
		if ('failure' in found && !refused) return;
		const { displayname, avatar_url } = 'value' in found ? found.value : {};
		displayName = typeof displayname === 'string' ? displayname : '';
		if (typeof avatar_url === 'string' && avatar_url !== '') return;
		// Nothing waits for the avatar, so nothing else would handle its failure.
		giveAvatar().catch((error: unknown) => log.warn({ err: error }, 'could not set the avatar'));
	}

	async function giveAvatar(): Promise<void> {
		const marked = await call(objectOf, client => client.getAccountData(avatarType));
		// Only M_NOT_FOUND means that it was never set.
		if (!('failure' in marked) || marked.failure.kind !== 'refused' || marked.failure.code !== 'M_NOT_FOUND') return;
		const picture = readFileSync(new URL('avatar.png', import.meta.url));
		const uploaded = await call(addressOf, client => client.uploadContent(picture, 'image/png', 'glia.png'));
		if ('failure' in uploaded) return;
		const set = await call(objectOf, client => client.setAvatarUrl(uploaded.value));
		// If the homeserver does not allow avatars, do not ask again at each start.
		if ('failure' in set && set.failure.kind !== 'refused') return;
		if ('failure' in set)
			log.info({ why: set.failure.kind === 'refused' && set.failure.why }, 'the avatar was refused');
		await call(objectOf, client => client.setAccountData(avatarType, { set: true }));
	}

	return {
		names: () => (displayName ? [localpart, user, displayName] : [localpart, user]),
		async learn() {
			if (displayName !== undefined) return;
			asking ??= ask().finally(() => {
				asking = undefined;
			});
			await asking;
		},
	};
}

function addressOf(answer: unknown): string | undefined {
	return typeof answer === 'string' && answer.startsWith('mxc://') ? answer : undefined;
}
