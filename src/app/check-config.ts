// npm start -- check-config: what is wrong with a configuration, and whether the homeserver knows our account.
// Writes nothing, and does not log in.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Refusal } from '../answer.ts';
import { type Config, type Environment, locate, parseConfig, readText } from '../config.ts';
import { type Inquiry, openInquiry } from '../edges/matrix/inquiry.ts';
import { isSealed } from '../edges/matrix/keys.ts';
import { accessTrouble, storeTrouble } from '../edges/store/disk.ts';
import { certificateTrouble } from '../edges/web/web.ts';
import type { Failure } from '../ports/homeserver.ts';
import { proxiesIn } from '../runtime/proxy.ts';
import { mistakeLines } from '../settings/mistakes.ts';
import type { PostgresAddress } from '../settings/postgres.ts';

/** Collects findings: mistakes at an option, and notes worth knowing. */
type Findings = { mistake: (option: string, text: string) => void; note: (text: string) => void };

/** Prints what is right and worth knowing; resolves to the exit status. Throws a Refusal with every mistake. */
export async function checkConfig(path: string, environment: Environment, version: string): Promise<number> {
	const text = readText(path);
	const { mistakeAt, valueAt } = locate(text, environment);
	const parsed = parseConfig(text, dirname(resolve(path)), environment);
	const mistakes = Array.isArray(parsed) ? parsed : [];
	const notes: string[] = [];
	const inquiry = openInquiry(`Glia/${version}`, await proxiesIn(environment));
	try {
		if (Array.isArray(parsed)) {
			const wrong = parsed.find(({ text }) => text.startsWith('matrix.homeserver: '));
			const address = wrong && (await addressOf(valueAt(['matrix', 'homeserver']), inquiry));
			if (wrong && address) wrong.text = `matrix.homeserver: expected an address; it is ${address}`;
		} else {
			const findings = {
				mistake: (option: string, text: string) => mistakes.push(mistakeAt(option.split('.'), `${option}: ${text}`)),
				note: (text: string) => notes.push(text),
			};
			checkFiles(path, parsed, findings);
			if (parsed.store.postgres) await checkDatabase(parsed.store.postgres, findings);
			await checkHomeserver(parsed, inquiry, findings);
		}
	} finally {
		await inquiry.close();
	}
	if (mistakes.length > 0) throw new Refusal(mistakeLines(path, mistakes));
	process.stdout.write(`${[...notes, `${path}: no errors`].join('\n')}\n`);
	return 0;
}

/** The homeserver's URL, if a server name was given instead. */
async function addressOf(written: unknown, inquiry: Inquiry): Promise<string | undefined> {
	if (typeof written !== 'string' || !/^[a-zA-Z0-9.-]+(:\d{1,5})?$/.test(written)) return undefined;
	const given = await inquiry.wellKnown(written);
	if (given !== undefined) return `${given} (according to the .well-known of ${written})`;
	const itself = `https://${written}`;
	return 'value' in (await inquiry.versions(itself)) ? itself : undefined;
}

function checkFiles(path: string, config: Config, findings: Findings): void {
	const { mistake, note } = findings;
	if (!config.store.postgres) checkFolder(config, findings);
	checkPassphrase(config, findings);
	const trouble = certificateTrouble(config.watch.authorities);
	if (trouble !== undefined) mistake('watch.authorities', `these certificates cannot be used: ${trouble}`);
	const held = secretsIn(readFileSync(path, 'utf8'));
	for (const { option, value } of held)
		if (value === placeholder)
			mistake(option, 'this is still the sample placeholder: set the secret or a file containing it');
	if (held.length > 0 && (statSync(path).mode & 0o077) !== 0) {
		// Mode 0600 would lock out a service user who does not own the file.
		const moves = held.map(({ option }) => `${option} → ${option.split('.').at(-1)}File`).join(', ');
		note(
			`${path} holds secrets and can be read by others: move each into a file of its own (${moves}), or chmod 600 ${path} if the bot runs as its owner`,
		);
	}
}

/** The sample's placeholder for a secret. */
const placeholder = '…';
const secretOptions = [
	'matrix.password',
	'matrix.accessToken',
	'encryption.passphrase',
	'encryption.seeds',
	'live.token',
	'store.postgres.password',
];

/** The secrets written in the file itself. */
function secretsIn(text: string): { option: string; value: unknown }[] {
	const { valueAt } = locate(text, {});
	return secretOptions.flatMap(option => {
		const value = valueAt(option.split('.'));
		return value === undefined || value === null ? [] : [{ option, value }];
	});
}

/** Whether an existing store's keys are encrypted as configured. */
function checkPassphrase({ store, encryption: { passphrase } }: Config, { mistake }: Findings): void {
	if (store.postgres) return;
	const sealed = isSealed(store.path);
	if (sealed === undefined || sealed === (passphrase !== undefined)) return;
	if (sealed) mistake('encryption.passphrase', `is missing: the keys in ${store.path} were created with a passphrase`);
	else
		mistake(
			'encryption.passphrase',
			`the keys in ${store.path} were created without a passphrase, which cannot be added later: remove it here, or delete the store of a bot that is still new`,
		);
}

async function checkDatabase(address: PostgresAddress, { mistake, note }: Findings): Promise<void> {
	const { askPostgres, placeOf } = await import('../edges/store/postgres.ts');
	try {
		const { version, hasSchema } = await askPostgres(address);
		const schema = `the schema ${address.schema} ${hasSchema ? 'exists' : 'will be created on first startup'}`;
		note(`store.postgres: ${placeOf(address)} responds, PostgreSQL ${version}; ${schema}`);
	} catch (error) {
		mistake('store.postgres', error instanceof Error ? error.message : String(error));
	}
}

function checkFolder({ store: { path: store } }: Config, { mistake, note }: Findings): void {
	let folder = store;
	while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
	const trouble = folder === store ? storeTrouble(store) : accessTrouble(folder, []);
	if (trouble !== undefined) mistake('store.path', trouble);
	note(`store.path: ${store}${folder === store ? '' : ', which will be created on first startup'}`);
}

async function checkHomeserver(config: Config, inquiry: Inquiry, findings: Findings): Promise<void> {
	const { homeserver, password, accessToken } = config.matrix;
	const { mistake, note } = findings;
	const versions = await inquiry.versions(homeserver);
	if ('failure' in versions) {
		const { host } = new URL(homeserver);
		const given = await inquiry.wellKnown(host);
		const hint = given === undefined || given === homeserver ? '' : `; the .well-known of ${host} says ${given}`;
		mistake('matrix.homeserver', `no homeserver responds at ${homeserver}: ${whyOf(versions.failure)}${hint}`);
		return;
	}
	note(
		`matrix.homeserver: ${homeserver} responds and supports Matrix up to ${versions.value.at(-1) ?? 'an unknown version'}`,
	);
	if (accessToken !== undefined) await checkToken(config, accessToken, inquiry, findings);
	else await checkAccount(config, inquiry, findings);
	if (accessToken !== undefined && password !== undefined)
		note(
			'matrix: accessToken and password are both set: the bot uses the token for its session, and the password only to sign it',
		);
}

async function checkToken(
	{ matrix, operator }: Config,
	token: string,
	inquiry: Inquiry,
	findings: Findings,
): Promise<void> {
	const { mistake, note } = findings;
	const who = await inquiry.whoami(matrix.homeserver, token);
	if ('failure' in who) return mistake('matrix.accessToken', `is not accepted: ${whyOf(who.failure)}`);
	const { user, device } = who.value;
	if (user !== matrix.user) return mistake('matrix.accessToken', `belongs to ${user}, not to ${matrix.user}`);
	if (device === undefined)
		mistake(
			'matrix.accessToken',
			'does not belong to a device, so the bot can neither read nor write in encrypted rooms',
		);
	else note(`matrix.user: the token is that of ${user}, on device ${device}`);
	if (operator.room === undefined) return;
	const joined = await inquiry.joined(matrix.homeserver, token);
	if ('value' in joined && !joined.value.includes(operator.room))
		note(`operator.room: the bot is not in ${operator.room} yet; invite it`);
}

/** Checks the account without a token, as far as possible without logging in. */
async function checkAccount({ matrix }: Config, inquiry: Inquiry, { mistake, note }: Findings): Promise<void> {
	const { homeserver, user } = matrix;
	const logins = await inquiry.logins(homeserver);
	if ('value' in logins && !logins.value.includes('m.login.password'))
		mistake(
			'matrix.password',
			`${homeserver} does not accept passwords (Matrix Authentication Service?): use an accessToken`,
		);
	const exists = await inquiry.exists(homeserver, user);
	if (exists === false) mistake('matrix.user', `${homeserver} does not know ${user}`);
	else if (exists) note(`matrix.user: ${homeserver} knows ${user}; the password is only checked at startup`);
	else note(`matrix.user: ${homeserver} does not say whether ${user} exists; this is only checked at startup`);
}

function whyOf(failure: Failure): string {
	return 'why' in failure ? failure.why : 'it is rate-limiting us; try again later';
}
