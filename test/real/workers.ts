// The bot on a Synapse with PostgreSQL, Redis and workers behind nginx, each half a second behind the others: commands
// while every process is restarted in turn, then the room suites. Takes a quarter of an hour; not part of `npm test`.
//   node test/real/workers.ts [--lag MS] [suite…]     without a suite: conversation rooms encryption keys guide-session
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { roomWith, settled } from './answers.ts';
import { makeBot } from './bot.ts';
import { type Deployment, instances, startDeployment } from './deployment.ts';
import { type Person, person } from './person.ts';
import { homeserver, SHARED } from './synapse.ts';

const root = join(import.meta.dirname, '..', '..');
const { values, positionals } = parseArgs({ options: { lag: { type: 'string' } }, allowPositionals: true });
const lag = Number(values.lag ?? 500);
const suites = positionals.length > 0 ? positionals : ['conversation', 'rooms', 'encryption', 'keys', 'guide-session'];

console.error('Starting PostgreSQL, Redis, six processes of Synapse and nginx.');
const deployment = await startDeployment(lag);
process.once('SIGINT', () => process.exit(1));
process.once('SIGTERM', () => process.exit(1));
try {
	const failed = [...(await restarts(deployment)), ...(await runSuites(deployment))];
	for (const what of failed) console.log(`FAILED: ${what}`);
	console.log(failed.length === 0 ? 'all of it held' : `${failed.length} failed`);
	process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
	await deployment.stop();
}

/** Sends commands continuously while each process is stopped or killed and restarted. Resolves with what went wrong. */
async function restarts({ address, restart }: Deployment): Promise<string[]> {
	const home = homeserver(address);
	const bot = await makeBot(home);
	const begun = Date.now();
	await bot.start();
	const alice = await person(home, 'alice');
	const room = await roomWith(bot, alice, {}, 60_000);
	const signed = await eventually(() => /now signed by its owner/.test(bot.output()), 60_000);
	console.log(`in sync and greeted after ${Math.round((Date.now() - begun) / 100) / 10} s; device signed: ${signed}`);
	const warned = bot.output().match(/does not know this device|could not be signed/g)?.length ?? 0;

	const commands: string[] = [];
	const talking = { on: true };
	const talk = (async () => {
		while (talking.on) {
			commands.push(await say(alice, room, `!echo ${commands.length}`));
			await sleep(250);
		}
	})();
	for (const [turn, name] of instances.entries()) {
		await restart(name, turn % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
		console.log(`restarted ${name}; ${commands.length} commands so far`);
		await sleep(1500);
	}
	talking.on = false;
	await talk;
	const { unanswered, twice, ordered } = await settled(alice, room, bot.userId, commands, 180_000);
	const lost = unanswered.length;
	console.log(`${commands.length} commands: ${lost} unanswered, ${twice.length} answered twice, in order: ${ordered}`);
	console.log(`lines about a signature that is not known yet: ${warned}`);

	await say(alice, room, '!leave yes');
	const hellos = async () =>
		(await alice.messagesOf(room)).filter(({ content }) => /Hello, I am/.test(content.body ?? '')).length;
	const left = await eventually(async () => {
		const events = await alice.messagesOf(room);
		return events.at(-1)?.type === 'm.room.member' && events.at(-1)?.content.membership === 'leave';
	}, 60_000);
	await alice.invite(room, bot.userId);
	const again = left && (await eventually(async () => (await hellos()) === 2, 60_000));
	console.log(`hello again after !leave and a new invitation: ${again}`);
	await bot.remove();
	return [
		...(signed ? [] : ['the device was not signed']),
		...(warned > 1 ? ['the lag was said more than once'] : []),
		...(lost > 0 ? [`${lost} commands without an answer`] : []),
		...(twice.length > 0 ? [`${twice.length} commands answered twice`] : []),
		...(ordered ? [] : ['answers out of order']),
		...(again ? [] : ['no greeting in the second stay']),
	];
}

/** Sends a message once, however many attempts that takes. Resolves with the event ID. */
async function say({ accessToken }: Person, room: string, body: string): Promise<string> {
	const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${randomUUID()}`;
	for (;;) {
		const answer = await fetch(deployment.address.url + path, {
			method: 'PUT',
			headers: { authorization: `Bearer ${accessToken}` },
			body: JSON.stringify({ msgtype: 'm.text', body }),
			signal: AbortSignal.timeout(30_000),
		}).catch(() => undefined);
		if (answer?.ok) return ((await answer.json()) as { event_id: string }).event_id;
		await sleep(200);
	}
}

async function eventually(holds: () => boolean | Promise<boolean>, within: number): Promise<boolean> {
	for (const over = Date.now() + within; Date.now() < over; await sleep(500)) {
		// The homeserver may be down, or one of its processes may not know yet what another accepted.
		if (await Promise.resolve(holds()).catch(() => false)) return true;
	}
	return false;
}

/** The names of the suites that fail on this homeserver. */
async function runSuites({ address }: Deployment): Promise<string[]> {
	const failed: string[] = [];
	for (const suite of suites) {
		const file = `test/real/${suite}.test.ts`;
		const child = spawn(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', file], {
			cwd: root,
			stdio: 'inherit',
			env: {
				...process.env,
				PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
				[SHARED]: JSON.stringify(address),
			},
		});
		const [status] = await once(child, 'close');
		if (status !== 0) failed.push(file);
	}
	return failed;
}
