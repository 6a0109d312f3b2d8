// A name server on loopback that uses the real wire format and gives the answers that the test sets.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

type Data =
	| { type: 'A' | 'AAAA' | 'CNAME'; value: string; ttl?: number }
	| { type: 'SRV'; target: string; port: number; priority?: number; weight?: number; ttl?: number };

/** The answer to a query: records, a failure, garbage, or silence. */
export type Said = Data[] | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'garbage' | 'silence';

export type Zone = {
	address: string;
	/** Sets the answer for a name. A function is called for each query, with its type and how often it was asked. */
	say: (name: string, said: Said | ((type: string, times: number) => Said)) => void;
	a: (name: string, ...addresses: string[]) => void;
	srv: (name: string, target: string, port: number) => void;
	/** The queries so far, as `A example.test`. */
	questions: string[];
	close: () => Promise<void>;
};

const types: Record<number, string> = { 1: 'A', 5: 'CNAME', 28: 'AAAA', 33: 'SRV' };
const numbers: Record<string, number> = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 };

export async function openZone(): Promise<Zone> {
	const socket = createSocket('udp4');
	const said = new Map<string, Said | ((type: string, times: number) => Said)>();
	const questions: string[] = [];
	socket.on('message', (message, from) => {
		const { name, type, end } = questionIn(message);
		questions.push(`${type} ${name}`);
		const entry = said.get(name.toLowerCase()) ?? 'NXDOMAIN';
		const times = questions.filter(question => question === `${type} ${name}`).length;
		const saying = typeof entry === 'function' ? entry(type, times) : entry;
		if (saying === 'silence') return;
		const answer = saying === 'garbage' ? Buffer.from('this is not DNS at all') : answerTo(message, end, type, saying);
		socket.send(answer, from.port, from.address);
	});
	socket.bind(0, '127.0.0.1');
	await once(socket, 'listening');
	const zone: Zone = {
		address: `127.0.0.1:${socket.address().port}`,
		say: (name, what) => void said.set(name.toLowerCase(), what),
		a(name, ...addresses) {
			zone.say(
				name,
				addresses.map(value => ({ type: value.includes(':') ? ('AAAA' as const) : ('A' as const), value })),
			);
		},
		srv: (name, target, port) => zone.say(name, [{ type: 'SRV', target, port }]),
		questions,
		close: () => new Promise(resolve => socket.close(() => resolve())),
	};
	return zone;
}

function questionIn(message: Buffer): { name: string; type: string; end: number } {
	const labels: string[] = [];
	let at = 12;
	for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
		labels.push(message.toString('latin1', at + 1, at + 1 + length));
		at += length + 1;
	}
	return { name: labels.join('.'), type: types[message.readUInt16BE(at + 1)] ?? 'other', end: at + 5 };
}

function answerTo(
	message: Buffer,
	end: number,
	type: string,
	said: Data[] | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED',
): Buffer {
	const codes = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 };
	const isList = Array.isArray(said);
	const alias = isList ? said.filter(data => data.type === 'CNAME') : [];
	const records = isList ? [...alias, ...said.filter(data => data.type === type && data.type !== 'CNAME')] : [];
	const header = Buffer.from(message.subarray(0, 12));
	header.writeUInt16BE(0x8580 | (isList ? 0 : codes[said]), 2);
	header.writeUInt16BE(1, 4);
	header.writeUInt16BE(records.length, 6);
	header.writeUInt16BE(0, 8);
	header.writeUInt16BE(0, 10);
	let owner: Buffer = Buffer.from([0xc0, 12]);
	const answers = records.map(record => {
		const data = dataOf(record);
		const fixed = Buffer.alloc(10);
		fixed.writeUInt16BE(numbers[record.type] ?? 0, 0);
		fixed.writeUInt16BE(1, 2);
		fixed.writeUInt32BE(record.ttl ?? 300, 4);
		fixed.writeUInt16BE(data.length, 8);
		const whole = Buffer.concat([owner, fixed, data]);
		// Records after an alias belong to the name that the alias points to.
		if (record.type === 'CNAME') owner = data;
		return whole;
	});
	return Buffer.concat([header, message.subarray(12, end), ...answers]);
}

function dataOf(record: Data): Buffer {
	if (record.type === 'SRV') {
		const numbers = Buffer.alloc(6);
		numbers.writeUInt16BE(record.priority ?? 10, 0);
		numbers.writeUInt16BE(record.weight ?? 0, 2);
		numbers.writeUInt16BE(record.port, 4);
		return Buffer.concat([numbers, nameBytes(record.target)]);
	}
	if (record.type === 'CNAME') return nameBytes(record.value);
	if (record.type === 'A') return Buffer.from(record.value.split('.').map(Number));
	const url = new URL(`http://[${record.value}]`).hostname.slice(1, -1);
	const [head = '', tail] = url.split('::');
	const left = head.split(':').filter(Boolean);
	const right = (tail ?? '').split(':').filter(Boolean);
	const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
	return Buffer.from(groups.flatMap(group => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]));
}

function nameBytes(name: string): Buffer {
	const labels = name.split('.').filter(Boolean);
	return Buffer.concat([
		...labels.flatMap(label => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
		Buffer.from([0]),
	]);
}
