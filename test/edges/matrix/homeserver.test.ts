// The simulated homeserver meets the same contract as the real one, so tests that use it are realistic.
import { homeserverContract } from '../../contracts/homeserver.ts';
import { playHomeserver } from '../../homeserver.ts';

let rooms = 0;

homeserverContract(async () => {
	const played = playHomeserver('@glia:example.org', () => new Date());
	return {
		homeserver: played.port,
		async createRoom({ invite } = { invite: true }) {
			const room = `!${++rooms}:example.org`;
			played.createRoom(room, '@alice:example.org');
			if (invite) played.invite(room, '@alice:example.org');
			return room;
		},
		say: async (room, body) => played.say(room, '@alice:example.org', body),
		send: async (room, content, type = 'm.room.message') => played.send(room, '@alice:example.org', content, { type }),
		redact: async (room, event) => played.redact(room, event),
		put: async bytes => played.put(bytes),
		person: '@alice:example.org',
	};
});
