import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { systemsOf } from '../../src/advice/upgrade/packages.ts';
import { stuckCommands, switchCommands, waitCommands } from '../../src/advice/upgrade/switch-commands.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { startLimitWords, switchWords, waitWords } from '../../src/messages/switch.ts';
import { deployed } from '../deployed.ts';

const { installs, releases } = await openKnowledge(new URL('../../knowledge/', import.meta.url));

const dayOf = (release: string) => releases.find(({ version }) => version === release)?.date;
const ends = '2040-01-01';
const systems = systemsOf({
	debian: {
		link: 'https://example.org/',
		releases: [
			{
				version: '12',
				released: '2023-06-10',
				ends,
				packages: { first: '1.41.0', until: '2027-10-31', because: 'Python 3.11' },
			},
			{ version: '11', released: '2021-08-14', ends, packages: { first: '1.6.0', last: '1.141.0' } },
			{
				version: '13',
				released: '2025-08-09',
				ends,
				packages: { first: '1.89.0', until: '2029-10-31', because: 'Python 3.13' },
			},
			{ version: '9', released: '2017-06-17', ends, packages: { first: '0.34.0', last: '1.31.0' } },
		],
	},
	ubuntu: {
		link: 'https://example.org/',
		releases: [
			{
				version: '22.04',
				released: '2022-04-21',
				ends,
				packages: { first: '1.58.0', until: '2026-10-31', because: 'Python 3.10' },
			},
		],
	},
});

function textFor(facts: string, to = '1.163.2', released = '2026-10-23', from = '1.56.0'): string {
	const leg = { from, to, released, today: '2026-11-21' };
	const commands = switchCommands(leg, deployed(facts), { installs, systems, dayOf });
	if (!commands) throw new Error(`no recipe for ${facts}`);
	return switchWords(commands);
}

/** The output of a shell that runs these lines. */
function said(lines: readonly string[]): string {
	return execFileSync('sh', ['-eu', '-c', lines.join('\n')], { encoding: 'utf8' });
}

/** The lines of all code blocks. */
function commandsIn(text: string): string[] {
	return [...text.matchAll(/```\w+\n([\s\S]*?)\n```/g)].flatMap(([, lines = '']) => lines.split('\n'));
}

const ways = Object.keys(installs);

describe.each(ways)('%s', install => {
	test.each(['postgres', 'sqlite'])('with %s, has commands for one backup, in short lines', database => {
		const text = textFor(`${install} ${database}`);
		const lines = commandsIn(text);
		expect(lines.filter(line => line.length > 60)).toEqual([]);
		expect(lines.join('\n').includes('pg_dump')).toBe(database === 'postgres');
		expect(lines.join('\n').includes('sqlite3')).toBe(database === 'sqlite');
		expect(text).toContain('1.163.2');
	});
});

test('has no SQLite commands for installations that include PostgreSQL', () => {
	expect(textFor('mdad')).not.toContain('sqlite3');
	expect(textFor('docker')).toContain('sqlite3');
});

test.each(ways)('%s: has only lines that a shell can parse, for the switch and for a wait', install => {
	const profile = deployed(`${install} workers`);
	const old = textFor(`${install} workers`, '1.81.0', '2023-04-11', '1.18.0');
	const waiting = waitWords({ at: '1.81.0', lines: waitCommands(profile, installs) });
	for (const text of [old, textFor(`${install} workers`), waiting]) {
		const lines = commandsIn(text);
		expect(lines.length).toBeGreaterThan(0);
		expect(lines.filter(line => line.length > 60)).toEqual([]);
		execFileSync('sh', ['-n', '-c', lines.join('\n')]);
	}
	expect(waiting).toContain('SELECT count(*) FROM background_updates');
});

test.each(ways)('%s: passes a query of several lines to the database as one argument', install => {
	const query = "SELECT a\nFROM b WHERE c LIKE '%d%'\n";
	const looking = stuckCommands(query, deployed(install), installs);
	const stuck = waitWords({ at: '1.81.0', lines: [], stuck: { lines: looking, text: 'Then go on.' } });
	const lines = commandsIn(stuck);
	expect(lines.filter(line => line.length > 60)).toEqual([]);
	const last = 'for word; do :; done; printf %s "$word"';
	const played = ['psql', 'sudo', 'docker', 'kubectl'].map(name => `${name}() { ${last}; }`);
	expect(said([...played, ...lines]).replace(/\s+/g, ' ')).toBe("SELECT a FROM b WHERE c LIKE '%d%'");
	expect(stuck).toContain('Then go on.');
});

describe('a package that upstream does not build', () => {
	test('is not downloaded for a system that is too old: the system is upgraded first', () => {
		const text = textFor('debian os=debian-11');
		expect(text).toContain('**no 1.163.2 package** for Debian 11: upstream built packages for it up to 1.141.0');
		// 1.56.0 is older than Debian 12: its package for it was built when Debian 12 had another Python.
		expect(text).toContain('First go to 1.141.0 on this system, then upgrade the system (Debian 12 and Debian 13 have');
		expect(text).not.toContain('Ubuntu');
		expect(text).not.toMatch(/wget|apt-get install/);
		expect(textFor('debian os=debian-11', '1.141.0')).toContain('+bullseye1_');
		expect(textFor('debian os=debian-11', '1.142.0')).not.toContain('bullseye');
	});
	test("needs a stop at the old system's last package if no system has both", () => {
		const text = textFor('debian os=debian-9', '1.163.2', '2026-10-23', '1.20.0');
		expect(text).toContain(
			'First go to 1.31.0 on this system, then upgrade the system (Debian 12 and Debian 13 have packages for 1.163.2). The new system has no 1.31.0 package,',
		);
	});
	test('needs no stop at the last package of the old system if that is already running', () => {
		const text = textFor('debian os=debian-9', '1.163.2', '2026-10-23', '1.31.0');
		expect(text).not.toContain('go to 1.31.0');
		expect(text).toContain(
			'Upgrade the system first (Debian 12 and Debian 13 have packages for 1.163.2). The new system has',
		);
	});
	// Debian 11 has packages of 1.31.0 and 1.32.0 from the months before its own release.
	test.each([
		['1.20.0', 'First go to 1.31.0 on this system, then upgrade the system'],
		['1.31.0', 'Upgrade the system first'],
		// Not installed from this system's package, because there is none.
		['1.32.0', 'Upgrade the system first'],
	])('is not promised to work on a system that was not released yet, from %s', (from, opening) => {
		const text = textFor('debian os=debian-9', '1.88.0', '2026-10-23', from);
		expect(text).toContain(
			`${opening} (Debian 11 and Debian 12 have packages for 1.88.0), install the package of the same`,
		);
		expect(text).toContain('If `apt` refuses it because of its Python, Synapse does not run until you install 1.88.0.');
	});
	test('works on the next system if it was built for that', () => {
		const text = textFor('debian os=debian-11', '1.163.2', '2026-10-23', '1.56.0');
		expect(text).toContain('install the package of the same release');
		expect(text).not.toContain('If `apt` refuses');
	});
	test('is not downloaded for a system that is too new for it', () => {
		const text = textFor('debian os=debian-13', '1.81.0', '2023-04-11');
		expect(text).toContain('upstream has only built packages for it since 1.89.0');
		expect(text).not.toContain('wget');
	});
	test('is mentioned for all systems if none is stated', () =>
		expect(textFor('debian')).toContain('1.163.2 has them for Debian 12, Debian 13, Ubuntu 22.04'));
});

describe('does not use what did not exist yet', () => {
	const of = (facts: string, to: string) => textFor(facts, to, '2018-01-01', '0.20.0');
	test('the package for Python 3 before 0.34.0', () => {
		expect(of('debian', '0.25.0')).not.toMatch(/matrix-synapse-py3_|apt-get install/);
		expect(of('debian', '0.25.0')).toContain('began with 0.34.0');
		expect(of('debian', '0.34.0')).toContain('matrix-synapse-py3_0.34.0+');
	});
	test.each([
		['docker', '0.28.1', '0.29.0', 'matrixdotorg/synapse:v'],
		['pip', '0.33.4', '0.33.5', 'matrix-synapse=='],
	])('with %s: has no %s, but %s', (install, without, first, what) => {
		expect(of(install, without)).not.toContain(what);
		expect(of(install, without)).toContain(`since ${first}, so there are none for ${without}`);
		expect(of(install, first)).toContain(what);
	});
});

test('downloads a package from its place in the archive, under its name there', () => {
	const fetched = (facts: string, to?: string) =>
		said([
			'VERSION_CODENAME=trixie; dpkg() { echo arm64; }',
			...commandsIn(textFor(facts, to))
				.filter(line => /^([AFP]=|wget|apt-get)/.test(line))
				.map(line => line.replace(/wget|apt-get/g, 'echo $&')),
		]);
	const pool = 'https://packages.matrix.org/debian/pool';
	expect(fetched('debian')).toBe(
		`wget ${pool}/main/m/matrix-synapse-py3/matrix-synapse-py3_1.163.2+trixie1_arm64.deb\napt-get update\napt-get install ./matrix-synapse-py3_1.163.2+*.deb\n`,
	);
	expect(fetched('debian os=ubuntu-22.04', '1.164.0rc3')).toContain(
		`${pool}/prerelease/m/matrix-synapse-py3/matrix-synapse-py3_1.164.0~rc3+jammy1_arm64.deb`,
	);
});

describe('workers', () => {
	/** The parts of a switch, each by its first word. */
	const parts = (facts: string) =>
		[...textFor(facts).matchAll(/^\*\*\d\. (\w+)/gm)].map(([, word]) => word?.toLowerCase());
	test('are stopped before the backup and started after the switch if the admin has to do it', () => {
		for (const install of ['docker', 'debian', 'pip', 'source'])
			expect(parts(`${install} workers`)).toEqual([
				...['count', 'check', ...(install === 'docker' || install === 'debian' ? ['fetch'] : [])],
				...['stop', 'back', 'switch', 'watch', 'start', 'if'],
			]);
		expect(commandsIn(textFor('docker workers'))).toContain('docker compose stop worker1 worker2 synapse');
	});
	test('are not mentioned if there are none', () => {
		const rest = ['stop', 'back', 'switch', 'watch', 'if'];
		expect(parts('docker no-workers')).toEqual(['count', 'check', 'fetch', ...rest]);
		expect(parts('mdad no-workers')).toEqual(['count', 'check', ...rest]);
		expect(textFor('docker no-workers')).not.toContain('worker');
	});
	test('are conditional if it is not stated whether there are any', () => {
		expect(textFor('docker')).toContain('Stop Synapse**, and all workers if you run any:');
		expect(textFor('docker')).toContain('If you run workers, start them now.');
	});
});

describe('says what to do before a backup and after a failed start', () => {
	const words = (facts: string, around: Parameters<typeof switchCommands>[3]) => {
		const leg = { from: '1.56.0', to: '1.163.2', released: '2026-10-23', today: '2026-11-21' };
		const commands = switchCommands(leg, deployed(facts), { installs, systems, dayOf }, around);
		if (!commands) throw new Error(`no recipe for ${facts}`);
		return switchWords(commands);
	};
	const closed = { opens: false, waited: false } as const;

	test('counts background updates, unless a wait has counted them', () => {
		const counting = 'SELECT count(*) FROM background_updates';
		for (const install of ways) expect(words(install, closed), install).toContain(counting);
		expect(words('docker', { ...closed, waited: true })).not.toContain(counting);
		expect(words('docker', { ...closed, waited: true })).toMatch(/^\*\*1\. Check the free disk space/);
	});

	test.each(ways)('%s: shows the size of the database and the free space, only on the first leg', install => {
		for (const [database, size] of [
			['postgres', 'pg_database_size('],
			['sqlite', 'page_count * page_size'],
		] as const) {
			const lines = commandsIn(words(`${install} ${database}`, closed));
			expect(lines.join('\n')).toContain(size);
			expect(lines.indexOf('df -h')).toBeLessThan(lines.findIndex(line => /pg_dump|\.backup/.test(line)));
			expect(words(`${install} ${database}`, { ...closed, further: true })).not.toContain('df -h');
		}
	});

	test.each(['docker', 'debian', 'debian os=ubuntu-22.04'])('%s: downloads the release before Synapse stops', facts => {
		const lines = commandsIn(words(facts, closed));
		const [fetched, stopped, started] = [/compose pull|^wget/, /\bstop\b/, /up -d|apt-get install/].map(what =>
			lines.findIndex(line => what.test(line)),
		);
		expect(fetched).toBeGreaterThanOrEqual(0);
		expect(stopped).toBeGreaterThan(fetched ?? 0);
		expect(started).toBeGreaterThan(stopped ?? 0);
	});

	test('looks for processes that are still running before the backup', () => {
		for (const install of ['debian', 'distro', 'pip', 'source'])
			for (const workers of ['workers', '']) {
				const text = words(`${install} ${workers} postgres`, closed);
				const lines = commandsIn(text);
				const at = lines.indexOf("pgrep -af 'synapse[.]app' || echo all stopped");
				expect(at, install).toBeGreaterThan(lines.findIndex(line => /stop/.test(line)));
				expect(at, install).toBeLessThan(lines.findIndex(line => line.includes('pg_dump')));
				expect(text).toContain('must print `all stopped`');
			}
		expect(words('docker', closed)).not.toContain('all stopped');
	});

	test.each(ways)('%s: stops Synapse before the backup', install => {
		const lines = commandsIn(words(`${install} no-workers postgres`, closed));
		const [stop, backup] = [/\bstop\b|--replicas=0/, /pg_dump/].map(what => lines.findIndex(line => what.test(line)));
		expect(stop).toBeGreaterThanOrEqual(0);
		expect(backup).toBeGreaterThan(stop ?? 0);
	});

	test.each(ways)('%s: rolls back by restoring the backup, with commands or a page', install => {
		for (const database of ['postgres', 'sqlite']) {
			const text = words(`${install} ${database}`, closed);
			const failed = text.slice(text.indexOf('If it does not start'));
			expect(failed).toContain('`!why`');
			expect(failed).toContain('go back to the 1.56.0 image or package');
			expect(failed).toMatch(/(synapse|homeserver)-1\.56\.0\.|\]\(https:/);
		}
	});

	test('needs no backup to roll back if the old release still opens the database', () => {
		const text = words('debian postgres', { opens: true, waited: false });
		expect(text).toContain('1.56.0 still opens the database');
		expect(text).toContain('`!rollback 1.163.2 1.56.0`');
		expect(text).not.toContain('pg_restore');
		expect(words('debian postgres', { opens: 'unknown', waited: false })).toMatch(/is not known.*pg_restore/s);
	});
});

test('mentions that apt starts Synapse by itself, and what dpkg may ask', () => {
	const text = textFor('debian os=debian-12');
	expect(text).toMatch(/`apt-get` starts Synapse.* second terminal/);
	expect(text).toMatch(/If dpkg asks.* answer `N`/);
	// The log is followed in parallel, so that command must not come after the installation in the same block.
	const block = /```bash\n[^`]*apt-get install[^`]*```/.exec(text)?.[0];
	expect(block).not.toContain('tail -F');
	expect(textFor('distro')).toMatch(/If dpkg asks.* answer `N`/);
	expect(textFor('docker')).not.toContain('dpkg');
});

test('names a backup after its release, so that the next stop does not overwrite it', () => {
	for (const install of ways) expect(commandsIn(textFor(install)).join('\n'), install).toMatch(/synapse-1\.56\.0\./);
	expect(textFor('pip sqlite')).toContain('.backup homeserver-1.56.0.db');
});

test('passes pip the extras that the facts require', () => {
	expect(commandsIn(textFor('pip postgres oidc workers'))).toContain(
		'  "matrix-synapse[oidc,postgres,redis]==1.163.2"',
	);
	expect(commandsIn(textFor('pip sqlite'))).toContain('  "matrix-synapse==1.163.2"');
});

test('updates the playbook, then sets the release or goes to a commit if the playbook has another', () => {
	const text = textFor('mdad', '1.81.0', '2023-04-11');
	expect(text.indexOf('just update')).toBeLessThan(text.indexOf('If it says an older one'));
	expect(text).toContain('`matrix_synapse_version: v1.81.0` to `vars.yml`. Delete that line');
	expect(commandsIn(text)).toContain(`git log -S'matrix_synapse_version: v1.81.0' \\`);
});

test('pulls an image from the registry it was published to', () => {
	expect(textFor('docker', '1.98.0')).toContain('docker.io/matrixdotorg/synapse:v1.98.0');
	expect(textFor('docker', '1.99.0')).toContain('ghcr.io/element-hq/synapse:v1.99.0');
});

describe("systemd's limit", () => {
	const migration = (release: string, work: 'reads' | 'alters', tables: Record<string, string>) =>
		({ release, delta: `main ${release}`, work, tables }) as const;
	const text = startLimitWords({
		unit: 'sure',
		service: 'matrix-synapse',
		log: ['journalctl -fu matrix-synapse'],
		migrations: [
			migration('1.62.0', 'alters', { event_edges: 'events' }),
			migration('1.68.0', 'reads', { receipts_linearized: 'read receipts' }),
		],
	});
	test('is raised by shell lines that are short enough for a phone', () => {
		const lines = commandsIn(text);
		expect(lines.filter(line => line.length > 60)).toEqual([]);
		const written = lines.slice(0, 3).map(line => line.replace(/> \/etc.*/, '').replace(/^mkdir.*/, ':'));
		expect(said(written)).toBe('[Service]\nTimeoutStartSec=infinity\n');
		expect(text).toContain('systemctl edit matrix-synapse');
	});
	test('comes with what takes time, and how to see progress', () => {
		expect(text).toContain('1.68.0: `receipts_linearized` (grows with read receipts)');
		expect(commandsIn(text)).toContain('journalctl -fu matrix-synapse');
	});
});

describe('an upgrade of the system', () => {
	test("is prepared for in apt's preferences if some system does not have both packages", () => {
		const text = textFor('debian', '1.163.2', '2026-10-23', '1.56.0');
		expect(text).toContain('too new for the server to understand');
		const lines = commandsIn(text);
		const at = lines.findIndex(line => line.startsWith('printf'));
		const written = lines.slice(at, at + 3).map(line => line.replace(/> \/etc.*/, ''));
		expect(said(written)).toBe('Package: matrix-synapse*\nPin: origin packages.matrix.org\nPin-Priority: 1001\n');
	});
	test('is not mentioned if every system has both packages', () =>
		expect(textFor('debian', '1.163.2', '2026-10-23', '1.150.0')).not.toContain('Pin-Priority'));
});
