// The way for the operator's own commands into the running bot: a socket in the store's folder, which only its owner may
// enter. One question a connection, one line each way; the one who asked may then say that it kept what it got.
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Log } from '../../runtime/log.ts';

export type ControlQuestion = { ask: 'backup' };

/** `folder`: where the copy lies until the one who asked hangs up. */
export type ControlReply = { folder: string } | { refused: string };

/** What the one who asked sends once it has kept the copy. */
const keptLine = '{"kept":true}';

/** Longest path of a socket (bytes) that Linux and macOS take. */
const maxPath = 103;
const maxLine = 4096;

export function socketPath(store: string): string {
	return join(store, 'control.sock');
}

export type Control = { close: () => Promise<void> };

/**
 * Listens. `answer` replies to a question; `over` resolves when the one who asked has hung up, to whether it kept what it
 * got. Where the path is too long for a socket, nothing is listened at, and the log says so.
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
	// The store's lock is ours, so whatever lies here was left by a process that is gone.
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
	// Nobody else gets in between: the folder itself is its owner's only.
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

/** Not `once`, which rejects on an error: the close comes after it all the same. */
function closing(socket: Socket): Promise<void> {
	return new Promise(resolve => socket.once('close', () => resolve()));
}

/** Resolves to whether the one who asked said that it kept what it got. */
async function converse(
	socket: Socket,
	answer: (question: ControlQuestion) => Promise<ControlReply>,
): Promise<boolean> {
	const line = await lineFrom(socket);
	if (line === undefined) return false;
	const question = questionIn(line);
	const reply = question ? await answer(question) : { refused: 'this Glia does not know that request' };
	if (socket.destroyed) return false;
	socket.write(`${JSON.stringify(reply)}\n`);
	// Hanging up without a word is no fault.
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

/** The first line that comes; undefined if the other side ends, or sends something else without end. */
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
 * Asks the bot that runs on this store. `keep` says that the copy is kept; `hangUp` ends the conversation. Undefined if none
 * answers there.
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
