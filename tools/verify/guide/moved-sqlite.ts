// The move of a server on SQLite to the playbook's PostgreSQL, with the guide's own commands: twice, and back.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { answering, type Left, lookAround, oneTimeKeys } from './people.ts';

export type SqliteHands = {
	/** The old server's folder. */
	cwd: string;
	/** Runs one of the trial's own commands. Returns its output; throws if it fails. */
	type: (script: string) => string;
	/** Does what the playbook does when it installs everything. */
	install: () => void;
	/** Follows a stage. Resolves to the output; rejects if a command failed or the expected text is missing. */
	follow: (id: string, only?: (commands: string) => boolean) => Promise<string>;
	/** Removes what a first attempt left behind. */
	followAgain: () => Promise<void>;
};

/** Follows the move twice, then the way back. Rejects if something is lost or not as the guide says. */
export async function moveSqlite(left: Left, hands: SqliteHands): Promise<void> {
	const { follow, type } = hands;
	// Leave out what needs public names or Docker's own folder.
	await follow('look', commands => !/curl|\/var\/lib\/docker/.test(commands));
	hands.install();
	for (const id of ['keys', 'compare', 'media-first']) await follow(id);
	await port(hands);
	await follow('back-before');
	await answering();
	await lookAround(left);
	console.log('  … and forward again');
	await hands.followAgain();
	// Kill it, as Docker does after ten seconds: what is not in the file itself must be moved too.
	type(`kill -KILL $(cat ${hands.cwd}/../containers/synapse.pid)`);
	const log = join(hands.cwd, 'files/homeserver.db-wal');
	if (!existsSync(log) || statSync(log).size === 0) throw new Error('the killed Synapse left no log next to its file');
	await port(hands);
	// As if someone had started everything by mistake.
	type('systemctl enable matrix-synapse');
	await follow('media-last');
	if (type('systemctl is-active matrix-synapse || true').trim() !== 'inactive')
		throw new Error('media-last: the new Synapse is running too early');
	const started = await follow('start', commands => /--tags=start|docker exec/.test(commands));
	if (!/^active$/m.test(started) || !started.includes('"versions"'))
		throw new Error(`start: Synapse does not respond:\n${started.slice(-2000)}`);
	await follow('directory');
	await lookAround(left);
	console.log('  everyone logs in and finds everything');
	for (const id of ['back-after-stop', 'back-after-dump', 'back-after-media']) await follow(id);
	await answering();
	await lookAround(left);
	const keys = await oneTimeKeys(left);
	if (keys !== 0) throw new Error(`${keys} one-time keys from before would be handed out again`);
	await follow('tidy');
}

/** Follows the stages from the stop to the copy, which must have as many users and events as the old file. */
async function port({ follow, type, cwd }: SqliteHands): Promise<void> {
	await follow('stop');
	// Count in a copy, because opening the file would write the log into it.
	const before = type(`mkdir -p ${cwd}/copy; rm -f ${cwd}/copy/*; cp ${cwd}/files/homeserver.db* ${cwd}/copy/
python3 -c "import sqlite3; print(*sqlite3.connect('${cwd}/copy/homeserver.db').execute('SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM events)').fetchone(), sep='|')"
rm -r ${cwd}/copy`).trim();
	const said = await follow('port');
	if (!said.split('\n').includes(before)) throw new Error(`port: expected ${before} in:\n${said.slice(-1500)}`);
	console.log(`  users, events: ${before}`);
}
