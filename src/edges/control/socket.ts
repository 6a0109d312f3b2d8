// A control socket for the operator's own commands, in the store's folder, which only its owner may enter. One
// request per connection, one line each way; the client may then confirm that it kept what it got.
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Log } from '../../runtime/log.ts';

export type ControlQuestion = { ask: 'backup' };

/** `folder`: where the copy is until the client disconnects. */
export type ControlReply = { folder: string } | { refused: string };

/** What the client sends once it has kept the copy. */
const keptLine = '{"kept":true}';

/** The longest socket path (bytes) that both Linux and macOS accept. */
const maxPath = 103;
const maxLine = 4096;

export function socketPath(store: string): string {
	return join(store, 'control.sock');
}

export type Control = { close: () => Promise<void> };

/**
 * Starts listening. `answer` handles a request; `over` resolves once the client has disconnected, to whether it
 * kept what it got. If the path is too long for a socket, it does not listen, and logs that.
 */
export async function serveControl(
	store: string,
	answer: (question: ControlQuestion, over: Promise<boolean>) => Promise<ControlReply>,
	log: Log,
): Promise<Control | undefined> {
	const path = socketPath(store);
	if (Buffer.byteLength(path) > maxPath) {
		log.warn({ path }, 'the path of the store is too long for a socket: to make a backup, stop the bot');
		return undefined;
	}
	// We hold the store's lock, so a socket here was left by a process that is gone.
	rmSync(path, { force: true });
	const sockets = new Set<Socket>();
	const server = createServer(socket => {
		sockets.add(socket);
		const over = closing(socket).then(() => {
			sockets.delete(socket);
			return conversing;
		});
		socket.on('error', () => {});
		const conversing: Promise<boolean> = converse(socket, question => answer(question, over)).catch(
			(error: unknown) => {
				log.error({ err: error }, 'a request on the control socket failed');
				socket.destroy();
				return false;
			},
		);
	});
	// No race with other users: only the folder's owner can enter it.
	server.listen(path);
	await once(server, 'listening');
	chmodSync(path, 0o600);
	server.unref();
	return {
		async close() {
			server.close();
			for (const socket of sockets) socket.destroy();
			rmSync(path, { force: true });
		},
	};
}

/** Not `once`, which rejects on an error; the close event follows it anyway. */
function closing(socket: Socket): Promise<void> {
	return new Promise(resolve => socket.once('close', () => resolve()));
}

/** Resolves to whether the client confirmed that it kept what it got. */
async function converse(
	socket: Socket,
	answer: (question: ControlQuestion) => Promise<ControlReply>,
): Promise<boolean> {
	const line = await lineFrom(socket);
	if (line === undefined) return false;
	const question = questionIn(line);
	const reply = question ? await answer(question) : { refused: 'this Glia does not support that request' };
	if (socket.destroyed) return false;
	socket.write(`${JSON.stringify(reply)}\n`);
	// Disconnecting without a word is not an error.
	return (await lineFrom(socket).catch(() => undefined)) === keptLine;
}

function questionIn(line: string): ControlQuestion | undefined {
	try {
		const { ask } = JSON.parse(line) as Record<string, unknown>;
		return ask === 'backup' ? { ask } : undefined;
	} catch {
		return undefined;
	}
}

/** The first line received; undefined if the other side disconnects first, or sends more than a line may have. */
async function lineFrom(socket: Socket): Promise<string | undefined> {
	let text = '';
	socket.setEncoding('utf8');
	for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
		text += chunk;
		if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
		if (text.length > maxLine) return undefined;
	}
	return undefined;
}

/**
 * Sends a request to the bot running on this store. `keep` confirms that the copy was kept; `hangUp` disconnects.
 * Undefined if no bot answers.
 */
export async function askControl(
	store: string,
	question: ControlQuestion,
): Promise<{ reply: ControlReply; keep: () => Promise<void>; hangUp: () => void } | undefined> {
	const path = socketPath(store);
	if (Buffer.byteLength(path) > maxPath) return undefined;
	const socket = connect(path);
	try {
		await once(socket, 'connect');
	} catch (error) {
		const code = error instanceof Error && 'code' in error ? error.code : undefined;
		if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined;
		throw error;
	}
	socket.on('error', () => {});
	socket.write(`${JSON.stringify(question)}\n`);
	const line = await lineFrom(socket);
	const reply: ControlReply =
		line === undefined ? { refused: 'the bot stopped before it answered' } : (JSON.parse(line) as ControlReply);
	return {
		reply,
		async keep() {
			if (socket.destroyed) return;
			const over = closing(socket);
			socket.end(`${keptLine}\n`);
			socket.resume();
			await over;
		},
		hangUp: () => socket.destroy(),
	};
}
