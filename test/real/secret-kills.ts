// Kills the bot again and again while people talk to it in encrypted rooms, and counts what went wrong with answers and
// keys: `node test/real/secret-kills.ts [kills] [commands] [power | late | replicas | unfenced]`. With `power`, each
// kill also cuts the power: writes for which the bot did not wait are lost. With `replicas`, three replicas share a
// PostgreSQL, and faults of every kind happen. Two modes are control runs, which must find faults: with `late`, the
// disk lies; with `unfenced`, replicas write without holding the lease.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoomId } from '../../crypto/index.ts';
import { powerCuts } from '../power-cuts.ts';
import { repliesTo } from './answers.ts';
import { type Bot, makeBot } from './bot.ts';
import { killed, trace } from './lives.ts';
import type { RoomEvent } from './person.ts';
import { openReplicas, stopFor } from './replica-faults.ts';
import { type SecretPerson, secretPerson } from './secret-person.ts';
import { patiently } from './siege.ts';
import { startSynapse } from './synapse.ts';

const [kills = 100, commands = 1000] = process.argv.slice(2, 4).map(Number);
const mode = process.argv[4];
/** The control runs, and the module with which the bot is started. */
const controls: Record<string, string> = { late: 'late-writes.ts', unfenced: 'unfenced-writes.ts' };
const control = mode === undefined ? undefined : controls[mode];
// Enough people that nobody has a hundred answers waiting: beyond that, a person is told once and then ignored.
const senders = 12;
const rooms = 3;

const power = mode === 'power' ? powerCuts() : undefined;
if (control !== undefined) process.env.NODE_OPTIONS = `--import=${new URL(control, import.meta.url)}`;
const synapse = await startSynapse();
const replicas = mode === 'replicas' || mode === 'unfenced' ? await openReplicas(synapse, 3) : undefined;
const bot = replicas?.bot ?? (await makeBot(synapse));
const people: SecretPerson[] = [];
/** Every identity that the homeserver has ever shown. */
const masters = new Set<string>();
try {
	if (!replicas) await bot.start();
	for (let i = 0; i < senders; i++) people.push(await secretPerson(synapse, `sender${i}`));
	const [reader] = people;
	if (!reader) throw new TypeError('there is nobody to read');
	const places = await Promise.all(Array.from({ length: rooms }, (_, i) => openRoom(reader, i)));
	let missing: string[] = [];
	const said = new Map<string, string[]>(places.map(room => [room, []]));

	let spoken = 0;
	const speak = (i: number) => {
		const count = Math.round((commands * i) / kills) - spoken;
		const talking = Array.from({ length: count }, (_, part) => talk(spoken + part));
		spoken += count;
		return Promise.all(talking);
	};
	const cut = () => power?.cut(join(bot.dir, 'data'));
	const { early, from } = await (replicas ? faulty(bot, kills, speak) : killed(bot, kills, speak, cut));
	// Wait for as long as the bot keeps answering, however slow the machine is.
	let found = await count();
	for (let idle = 0, before = found.unanswered; before > 0 && idle < 12; before = found.unanswered) {
		await sleep(10_000);
		found = await count();
		idle = found.unanswered < before ? 0 : idle + 1;
	}
	const title = replicas
		? `Replicas, encrypted${control ? ', control without the fence' : ''}: ${replicas.summary().join('; ')}`
		: control
			? 'Control: writes of keys 100 ms late'
			: `SIGKILL at random moments${power?.text() ?? ''}, encrypted`;
	console.log(
		`${title}: ${commands} commands of ${senders} people in ${rooms} rooms; ${kills} kills, ${early} of them before the bot was in sync`,
	);
	console.log(
		Object.entries(found)
			.map(([what, number]) => `${what} ${number}`)
			.join('; '),
	);
	const { identities, devices, events, ...wrong } = found;
	if (control && replicas) console.log(replicas.members.map(({ bot }) => bot.output().match(/this replica leads.*/g)));
	if (missing.length) {
		console.log(`the bot's last words:\n${bot.output().slice(from).slice(-3000)}`);
		if (!replicas) trace(bot, missing);
	}
	const wrongs = Object.values(wrong).reduce((sum, number) => sum + number, identities - 1 + devices - 1);
	process.exitCode = wrongs > 0 === (control !== undefined) ? 0 : 1;

	async function talk(number: number): Promise<void> {
		await sleep(Math.random() * 1500);
		const who = people[number % people.length];
		const room = places[Math.floor(Math.random() * places.length)] ?? '';
		const text = number % 20 === 7 ? '!long 25 open' : `!echo ${number}`;
		if (who) said.get(room)?.push(await patiently(() => who.say(room, text)));
	}

	/** Counts everything that can go wrong, from the homeserver's view of the rooms. */
	async function count() {
		const result = {
			'answered twice': 0,
			'undecryptable for people': 0,
			'undecryptable for the bot': 0,
		};
		const indexes = new Set<string>();
		let reused = 0;
		let plain = 0;
		let events = 0;
		missing = [];
		for (const room of places) {
			const answers = new Map<string, number>();
			const saids = new Map<unknown, number>();
			for (const event of await patiently(() => reader?.plain.messagesOf(room) ?? Promise.resolve([]))) {
				if (event.sender !== bot.userId || event.state_key !== undefined) continue;
				events++;
				if (event.type !== 'm.room.encrypted') plain++;
				const index = `${event.content.session_id} ${indexOf(event)}`;
				if (indexes.has(index)) reused++;
				indexes.add(index);
				const clear = await reader?.machine.decryptRoomEvent(JSON.stringify(event), new RoomId(room)).then(
					({ event: text }): RoomEvent => JSON.parse(text),
					() => undefined,
				);
				if (!clear) result['undecryptable for people']++;
				else if (/I cannot read this message/.test(clear.content.body ?? '')) result['undecryptable for the bot']++;
				else {
					const about = repliesTo({ ...clear, content: { ...event.content, ...clear.content } });
					if (about !== undefined) answers.set(about, (answers.get(about) ?? 0) + 1);
					saids.set(clear.content['io.glia.said'], (saids.get(clear.content['io.glia.said']) ?? 0) + 1);
				}
			}
			const asked = said.get(room) ?? [];
			missing.push(...asked.filter(id => !answers.has(id)));
			result['answered twice'] += [...saids.values()].filter(times => times > 1).length;
		}
		const keys: Record<string, Record<string, object>> = await patiently(
			() =>
				reader?.plain.request('POST', '/_matrix/client/v3/keys/query', { device_keys: { [bot.userId]: [] } }) ??
				Promise.resolve({}),
		);
		const devices = Object.keys(keys.device_keys?.[bot.userId] ?? {}).length;
		const master = JSON.stringify(keys.master_keys?.[bot.userId]);
		masters.add(master);
		return {
			unanswered: missing.length,
			...result,
			'message indexes used twice': reused,
			'events in the clear': plain,
			identities: masters.size,
			devices,
			events,
		};
	}
} finally {
	for (const person of people) await person.stop();
	await (replicas ?? bot).remove();
	await synapse.stop();
}

/** Causes faults instead of kills; `speak` talks during each. */
async function faulty(_: Bot, faults: number, speak: (fault: number) => Promise<unknown>) {
	for (let i = 1; i <= faults; i++) {
		if (control) {
			// From the first fault on, two replicas consider themselves the leader, and people talk to both for a while.
			if (i === 1) {
				await replicas?.fault(i, ['stop']);
				await sleep(stopFor + 10_000);
			}
			await speak(i);
			await sleep(2000);
			continue;
		}
		const talking = speak(i);
		await sleep(Math.random() * 1500);
		// Leave out outages of the homeserver, which these people's clients do not survive.
		await replicas?.fault(i, ['kill', 'stop', 'cut', 'stall', 'kill', 'stop', 'kill', 'database', 'follower', 'kill']);
		await talking;
	}
	return { early: 0, from: 0 };
}

async function openRoom(owner: SecretPerson, i: number): Promise<string> {
	const others = people.slice(1);
	const room = await owner.createRoom([bot.userId, ...others.map(({ userId }) => userId)], i % 2 ? '10' : '12');
	for (const other of others) await other.plain.join(room);
	await owner.waitFor(event => event.room_id === room && event.sender === bot.userId, 60_000);
	return room;
}

/** The index of a message in its session: a Megolm message begins with its version and, tagged 0x08, this index. */
function indexOf(event: RoomEvent): number {
	const bytes = Buffer.from(String(event.content.ciphertext), 'base64');
	if (bytes[0] !== 3 || bytes[1] !== 0x08) return Number.NaN;
	let index = 0;
	for (let i = 2, shift = 0; ; i++, shift += 7) {
		const byte = bytes[i] ?? 0;
		index += (byte & 0x7f) * 2 ** shift;
		if (byte < 0x80) return index;
	}
}
