// Users of a simulated homeserver: what they create there before a guide is followed, and must find again afterwards.
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const url = 'http://127.0.0.1:8008';
export const secret = 'for trials only';
export const password = 'correct horse battery';

type Body = Record<string, unknown>;

/** Sends a request to the simulated homeserver. Throws if it refuses. */
export async function ask(method: string, path: string, token?: string, body?: unknown): Promise<Body> {
	const response = await fetch(`${url}${path}`, {
		method,
		...(token && { headers: { authorization: `Bearer ${token}` } }),
		...(body !== undefined && { body: JSON.stringify(body) }),
		signal: AbortSignal.timeout(30_000),
	});
	const said = (await response.json()) as Body;
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(said)}`);
	return said;
}

export type Left = {
	people: { name: string; user: string; token: string; device: string }[];
	rooms: string[];
	/** An event of the first room, and what it says. */
	event: string;
	said: string;
	/** `server/id` of an uploaded file, and its bytes. */
	media: string;
	bytes: string;
};

/** Resolves once Synapse responds; rejects after two minutes. */
export async function answering(): Promise<void> {
	for (let tries = 240; ; tries--) {
		try {
			await ask('GET', '/_matrix/client/versions');
			return;
		} catch (error) {
			if (tries === 0) throw error;
			await sleep(500);
		}
	}
}

/** Creates an account with `password` and logs in. */
export async function register(name: string, admin: boolean) {
	const { nonce } = await ask('GET', '/_synapse/admin/v1/register');
	const mac = createHmac('sha1', secret)
		.update([nonce, name, password, admin ? 'admin' : 'notadmin'].join('\0'))
		.digest('hex');
	const made = await ask('POST', '/_synapse/admin/v1/register', undefined, {
		nonce,
		username: name,
		password,
		admin,
		mac,
	});
	return { name, user: String(made.user_id), token: String(made.access_token), device: String(made.device_id) };
}

/** Letters in place of a signature or a key, which nothing here checks. */
const letters = 'c2lnbmVkIGJ5IG5vYm9keSBmb3IgYSB0cmlhbCBvZiBhIGd1aWRlIG9ubHk';

function keysOf(user: string, device: string, count: number): Body {
	const signatures = { [user]: { [`ed25519:${device}`]: letters } };
	return {
		device_keys: {
			user_id: user,
			device_id: device,
			algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
			keys: { [`curve25519:${device}`]: letters, [`ed25519:${device}`]: letters },
			signatures,
		},
		one_time_keys: Object.fromEntries(
			Array.from({ length: count }, (_, i) => [
				`signed_curve25519:AAAA${String(i).padStart(2, '0')}`,
				{ key: `${letters}${i}`, signatures },
			]),
		),
	};
}

/** An image of one pixel. */
const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Registers users, creates rooms, sends messages, and uploads files and device keys. */
export async function moveIn(): Promise<Left> {
	const people = [];
	for (const name of ['ada', 'ben', 'cleo']) people.push(await register(name, name === 'ada'));
	const rooms: string[] = [];
	const [ada] = people;
	if (!ada) throw new Error('nobody was registered');
	for (let i = 0; i < 3; i++) {
		const { room_id: room } = await ask('POST', '/_matrix/client/v3/createRoom', ada.token, { preset: 'public_chat' });
		rooms.push(String(room));
		for (const other of people.slice(1))
			await ask('POST', `/_matrix/client/v3/join/${encodeURIComponent(String(room))}`, other.token, {});
	}
	const said = 'Was it here before the move? ÄÖ 猫';
	let event = '';
	for (const [i, room] of rooms.entries())
		for (const [j, person] of people.entries())
			event = await send(person.token, room, i + j === 0 ? said : `${person.name} in room ${i}: ${said}`);
	const bytes = 'a file that must be found again';
	const upload = await fetch(`${url}/_matrix/media/v3/upload?filename=a.txt`, {
		method: 'POST',
		headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'text/plain' },
		body: bytes,
	});
	const { content_uri: uri } = (await upload.json()) as Body;
	await fetch(`${url}/_matrix/media/v3/upload?filename=a.png`, {
		method: 'POST',
		headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'image/png' },
		body: Buffer.from(picture, 'base64'),
	});
	for (const { user, device, token } of people)
		await ask('POST', '/_matrix/client/v3/keys/upload', token, keysOf(user, device, 5));
	const [, ben] = people;
	await ask('POST', '/_matrix/client/v3/keys/claim', ada.token, claim(ben));
	const [room = ''] = rooms;
	const messages = await ask('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/messages?dir=b`, ada.token);
	const first = (messages.chunk as Body[]).find(({ content }) => (content as Body).body === said);
	event = String(first?.event_id ?? event);
	await settled(ada.token);
	// The directory accepts nothing before its background job is done. After that, the next event updates it.
	await foundInDirectory(
		ada.token,
		ben?.user ?? '',
		() => send(ada.token, room, 'Is anybody in the directory?'),
		() =>
			ask('POST', '/_synapse/admin/v1/background_updates/start_job', ada.token, { job_name: 'regenerate_directory' }),
	);
	return { people, rooms, event, said, media: String(uri).replace('mxc://', ''), bytes };
}

/** Resolves when the background updates of a new database are done. */
async function settled(token: string): Promise<void> {
	for (let quiet = 0; quiet < 4; await sleep(500)) {
		const { current_updates: updates } = await ask('GET', '/_synapse/admin/v1/background_updates/status', token);
		quiet = Object.keys(updates as Body).length ? 0 : quiet + 1;
	}
}

function claim(person: Left['people'][number] | undefined): Body {
	return { one_time_keys: { [person?.user ?? '']: { [person?.device ?? '']: 'signed_curve25519' } } };
}

async function send(token: string, room: string, body: string): Promise<string> {
	const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${Date.now()}${Math.random()}`;
	return String((await ask('PUT', path, token, { msgtype: 'm.text', body })).event_id);
}

/** Logs everyone in again, looks for everything, and sends messages. Throws at the first thing that is missing. */
export async function lookAround({ people, rooms, event, said, media, bytes }: Left): Promise<void> {
	const [room = ''] = rooms;
	for (const { name, user, token, device } of people) {
		const login = await ask('POST', '/_matrix/client/v3/login', undefined, {
			type: 'm.login.password',
			identifier: { type: 'm.id.user', user: name },
			password,
		});
		if (login.user_id !== user) throw new Error(`${name} logged in as ${String(login.user_id)}`);
		const { joined_rooms: joined } = await ask('GET', '/_matrix/client/v3/joined_rooms', token);
		if ((joined as string[]).length !== rooms.length)
			throw new Error(`${name} is in ${(joined as string[]).length} rooms`);
		const found = await ask(
			'GET',
			`/_matrix/client/v3/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(event)}`,
			token,
		);
		if ((found.content as Body).body !== said) throw new Error('the message from before has changed');
		const keys = await ask('POST', '/_matrix/client/v3/keys/query', token, { device_keys: { [user]: [device] } });
		if (!JSON.stringify(keys).includes(letters)) throw new Error(`the device keys of ${name} are gone`);
		await ask('GET', '/_matrix/client/v3/sync?timeout=0', token);
		await send(token, room, `${name} is still here`);
	}
	const [ada, ben] = people;
	await foundInDirectory(ada?.token ?? '', ben?.user ?? '');
	// Releases before 1.111 only know the second path.
	for (const place of ['client/v1/media', 'media/v3']) {
		const file = await fetch(`${url}/_matrix/${place}/download/${media}`, {
			headers: { authorization: `Bearer ${ada?.token}` },
		});
		if ((await file.text()) === bytes) return;
	}
	throw new Error('the uploaded file is gone');
}

/** A background job builds the directory if it was not copied, which may take a while. */
async function foundInDirectory(
	token: string,
	user: string,
	nudge?: () => Promise<unknown>,
	rebuild?: () => Promise<unknown>,
): Promise<void> {
	for (let tries = 240; tries > 0; tries--) {
		if (tries === 150) await rebuild?.();
		if (tries % 20 === 0) await nudge?.();
		const { results } = await ask('POST', '/_matrix/client/v3/user_directory/search', token, { search_term: 'ben' });
		if (JSON.stringify(results).includes(user)) return;
		await sleep(500);
	}
	throw new Error(`${user} cannot be found in the directory`);
}

/** How many one-time keys the server still has for the second person's device. */
export async function oneTimeKeys({ people }: Left): Promise<number> {
	const { token = '' } = people[1] ?? {};
	const counts = (await ask('GET', '/_matrix/client/v3/sync?timeout=0', token)).device_one_time_keys_count;
	return Number((counts as Body | undefined)?.signed_curve25519 ?? 0);
}
