// Verifies the bot by emoji, in an encrypted room and between devices, with a client that shares no code with it:
// mautrix-go, whose encryption is goolm. Needs Go; not part of `npm test`.
//   node test/real/verify-mautrix.ts [rounds]
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeBot } from './bot.ts';
import { startSynapse } from './synapse.ts';

/** What the client prints; see mautrix/main.go. */
type Outcome = {
	emojis: string;
	decimals: number[] | null;
	done: boolean;
	cancelled?: string;
	trustedBefore: boolean;
	trusted: boolean;
	deviceTrust: string;
	answer: string;
};

const rounds = Number(process.argv[2] ?? 5);
const scratch = mkdtempSync(join(tmpdir(), 'glia-mautrix-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const client = join(scratch, 'client');
await run('go', ['build', '-tags', 'goolm', '-o', client, '.'], join(import.meta.dirname, 'mautrix'));
const home = await startSynapse();
const bot = await makeBot(home, { allow: ['glia.test'] });
await bot.start();
let failed = 0;
for (const where of ['room', 'devices'])
	for (let round = 1; round <= rounds; round++) {
		const password = randomUUID();
		const { userId } = await home.registerUser(`alice-${randomUUID().slice(0, 8)}`, password);
		const outcome = JSON.parse(await run(client, [home.url, userId, password, bot.userId, where])) as Outcome;
		const wrong = faultsOf(outcome);
		if (wrong.length > 0) failed++;
		console.log(
			`${where} ${round}: ${outcome.emojis}: ${wrong.length > 0 ? `FAILED: ${wrong.join('; ')}` : 'verified'}`,
		);
	}
console.log(`${2 * rounds - failed} of ${2 * rounds} verified`);
await bot.remove();
await home.stop();
process.exitCode = failed === 0 ? 0 : 1;

function faultsOf({
	emojis,
	decimals,
	done,
	cancelled,
	trustedBefore,
	trusted,
	deviceTrust,
	answer,
}: Outcome): string[] {
	const checks: [string, boolean][] = [
		[`cancelled: ${cancelled}`, cancelled === undefined],
		['not done', done],
		['not seven emojis', emojis.split(', ').length === 7],
		['the log has other emojis', loggedEmojis().includes(bare(emojis))],
		['the log has other numbers', bot.output().includes(decimals?.join(' ') ?? 'none')],
		['trusted before anybody compared', !trustedBefore],
		['the identity is not trusted', trusted],
		[`the device is ${deviceTrust}`, deviceTrust.endsWith('verified') && !deviceTrust.includes('un')],
		['no answer afterwards', answer === 'echo after the verification'],
	];
	return checks.filter(([, holds]) => !holds).map(([name]) => name);
}

function loggedEmojis(): string[] {
	return [...bot.output().matchAll(/"emojis":"([^"]*)"/g)].map(([, emojis = '']) => bare(emojis));
}

/** Emoji without variation selectors and in lower case, because clients differ in both. */
function bare(emojis: string): string {
	return emojis.replace(/\uFE0F/g, '').toLowerCase();
}

/** Resolves with what a program prints. Throws with its error output if it fails. */
async function run(command: string, args: string[], cwd = scratch): Promise<string> {
	const child = spawn(command, args, {
		cwd,
		env: { ...process.env, CGO_ENABLED: '0' },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
	if (status === 0) return out;
	throw new Error(`${command} ended with ${status}: ${err.slice(-2000)}`);
}
