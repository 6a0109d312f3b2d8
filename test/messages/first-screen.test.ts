// The first screen of a plan: what is red in it, and that you can take it in within three seconds on any deployment.
import { describe, expect, test } from 'vitest';
import { plan } from '../../src/advice/upgrade/plan.ts';
import { unknownDeployment } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import type { Knowledge, Note } from '../../src/knowledge/schema/synapse.ts';
import { faultLines } from '../../src/messages/faults.ts';
import { firstScreen } from '../../src/messages/first-screen.ts';
import { planWords } from '../../src/messages/plan.ts';
import { sizeOf } from '../../src/messages/screen-density.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { terminalText } from '../../src/render/terminal.ts';
import { deployed } from '../deployed.ts';
import { known, note, releases, unread } from '../known.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));

const profile = (...facts: string[]) => deployed(facts.join(' '));

function screenOf(asked: string, of: Knowledge = knowledge) {
	const [from = '', to = '', ...facts] = asked.split(' ');
	return firstScreen(plan({ from, to, profile: profile(...facts), today: '2026-11-29' }, of), []);
}

/** The text that shows before anything is unfolded: of each fold only its summary. */
function unfolded(html: string): string {
	return html
		.replace(/<details><summary>(.*?)<\/summary>.*?<\/details>/gs, ' $1 ')
		.replace(/<[^>]+>/g, ' ')
		.replaceAll('&lt;', '<');
}

function words(text: string): number {
	return text.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length;
}

const every = 'workers reverse-proxy federation appservices modules email phone sso saml oidc metrics admin-api media';
const plans = [
	'0.0.1 1.163.2',
	`0.0.1 1.163.2 debian os=debian-11 postgres=9.6 ${every}`,
	`0.34.0 1.163.2 pip sqlite=3.7 python=3.5 ${every} turn registration retention url-previews`,
	'1.18.0 1.163.2',
	`1.18.0 1.163.2 docker postgres=11 ${every}`,
	'1.18.0 1.163.2 docker postgres=11 no-workers',
	'1.26.0 1.163.2 pip postgres',
	`1.26.0 1.163.2 source postgres=12 python=3.6 ${every}`,
	'1.37.1 1.88.0 docker postgres=13',
	'1.56.0 1.69.0 docker postgres=10 workers',
	'1.56.0 1.163.2 distro',
	`1.59.0 1.93.0 source sqlite ${every}`,
	'1.60.0 1.163.2 docker postgres=13',
	'1.61.0 1.163.2 debian postgres=13 workers',
	`1.61.0 1.163.2 debian postgres=13 ${every}`,
	`1.61.0 1.163.2 mdad postgres=13 mas ${every.replace('sso saml oidc', '')}`,
	'1.70.0 1.100.0 workers postgres docker modules',
	'1.80.0 1.85.0 docker postgres=14',
	'1.83.0 1.163.2 debian postgres=15',
	'1.98.0 1.109.0',
	'1.98.0 1.163.2',
	'1.98.0 1.163.2 docker postgres=15',
	`1.98.0 1.163.2 docker postgres=15 ${every} mas`.replace('sso saml oidc ', ''),
	'1.98.0 1.163.2 nix',
	'1.98.0 1.163.2 ess',
	'1.100.0 1.163.2 sso oidc',
	'1.130.0 1.163.2 debian postgres=13 os=debian-11',
	'1.130.0 1.163.2 debian postgres=13',
	'1.135.0 1.138.2 debian',
	'1.140.0 1.163.2 docker postgres=14 workers',
	'1.161.0 1.163.2 pip sqlite',
	'1.163.1 1.163.2',
];

describe('each plan is one message, short until it is unfolded', () => {
	test.each(plans)('%s', asked => {
		const answer = screenOf(asked);
		const { contents, files } = matrixMessages(answer);
		expect(contents).toHaveLength(1);
		expect(files).toEqual([]);
		const html = contents[0]?.formatted_body ?? '';
		const text = unfolded(html);
		expect(words(text)).toBeLessThanOrEqual(250);
		// An estimate. For the longest of them it was within 20 px of the height in the client.
		expect(sizeOf(answer).height).toBeLessThanOrEqual(905);
		expect(html.match(/<details>/g)?.length ?? 0).toBeLessThanOrEqual(3);
		for (const { title, fold } of answer.sections) if (fold) expect([...title].length).toBeLessThanOrEqual(40);
		// Whatever else is left out, the switch is there.
		const steps = answer.sections.find(({ title }) => title.startsWith('The steps'));
		expect(steps?.markdown).toMatch(/\*\*Watch the log|\d\. Watch the log/);
		expect(text).toMatch(/Now: (?!.*(Before|During the upgrade))/s);
		// Lines have about 65 characters and are 22 px high: 900 px are 30 lines and the spacing.
		const lines = text.split(/\n/).length;
		expect(lines).toBeLessThan(40);
	});
});

const way = { from: '1.0.0', to: '1.2.0', profile: unknownDeployment, today: '2026-11-29' };

function shown(of: Knowledge, profile = unknownDeployment): string {
	return terminalText(firstScreen(plan({ ...way, profile }, of), []), { color: false, width: 1000 });
}

test('red marks only what certainly affects the deployment; yellow counts what look.py can decide', () => {
	const refuses = { refuses: true, must: true, when: 'before' as const };
	const notes = [
		note('1.1.0/all', { ...refuses, title: 'Do this', text: 'It stops every start. More of it.' }),
		note('1.1.0/home', { ...refuses, onlyIf: '`acme` is set', options: ['acme'] }),
		note('1.1.0/asked', { ...refuses, applies: { all: ['email'] }, options: ['email'] }),
		note('1.1.0/must', { must: true, when: 'before', title: 'Certain' }),
		note('1.1.0/some', { must: true, applies: { all: ['mas'] }, title: 'For some' }),
	];
	const text = shown(known({ releases: releases('1.0.0', '1.1.0', '1.2.0'), notes }));
	expect(text).toMatch(/^1\.0\.0 → 1\.2\.0: one thing first, then one jump/);
	expect(text.match(/🔴.*/g)).toEqual(['🔴 1. Do this. It stops every start.']);
	expect(text).toContain('🟡 Two more settings can prevent startup; see “The two settings, and how to set them”.');
	expect(text).toContain('☐ Certain');
	expect(text).not.toContain('For some');
	expect(text).toContain('▸ The two settings, and how to set them');
});

test('the last line asks for look.py and says what it decides', () => {
	const refuses = { refuses: true, must: true, when: 'before' as const };
	const set = (option: string) => ({ onlyIf: `\`${option}\` is set`, options: [option], found: { option } });
	const list = releases('1.0.0', '1.1.0', '1.2.0');
	const [acme, other] = [note('1.1.0/a', { ...refuses, ...set('a') }), note('1.1.0/b', { ...refuses, ...set('b') })];
	const old = note('1.1.0/c', { ...refuses, onlyIf: 'a module is old', options: ['modules'] });
	const docker = profile('docker');
	const asked = (...notes: readonly Note[]) =>
		shown(known({ releases: list, notes: [...notes] }), docker)
			.split('\n\n')
			.at(-1);
	expect(asked(acme, other)).toContain('checks both without showing any values: `!upgrade 1.0.0 1.2.0 docker look`');
	expect(asked(acme)).toContain('checks it without');
	expect(asked(acme, old)).toContain('checks one of them without');
	expect(asked(old)).toContain('open “The setting, and how to set it”');
	expect(asked(old)).not.toContain('look');
	// A note that look.py has decided does not ask for look.py again.
	const way = { from: '1.0.0', to: '1.2.0', profile: docker, today: '2026-11-29' };
	const decided = plan({ ...way, decided: new Map([['1.1.0/a', true]]) }, known({ releases: list, notes: [acme] }));
	const text = terminalText(firstScreen(decided, []), { color: false, width: 1000 });
	expect(text).toContain('🔴 1. 1.1.0/a.');
	expect(text).not.toContain('look');
});

test("does not ask about the system's Python if its packages are used", () => {
	const asked = '1.61.0 1.163.2 debian postgres=15';
	const text = terminalText(screenOf(asked), { color: false, width: 1000 });
	expect(text).toContain('🟡 First check the operating system (`cat /etc/os-release`).');
	expect(text).not.toContain('Needs Python');
	expect(terminalText(screenOf('1.61.0 1.163.2 pip postgres=15'), { color: false })).toContain('Needs Python 3.10');
});

test('counts a fault that may affect some at a stop, without describing it', () => {
	const text = terminalText(screenOf('1.18.0 1.163.2'), { color: false, width: 1000 });
	expect(text).not.toContain('a stop on the way');
	expect(text).toMatch(/🟡 \d severe bugs may affect you/);
});

test('shows only the highest minimum of each kind, in red only if the deployment is below it', () => {
	const floor = (id: `${string}/${string}`, term: string) =>
		note(id, { refuses: true, must: true, when: 'before', applies: { all: [term] } });
	const of = known({
		releases: releases('1.0.0', { version: '1.1.0', postgresql: '11' }, { version: '1.2.0', postgresql: '14' }),
		notes: [floor('1.1.0/postgresql', 'postgres<11'), floor('1.2.0/postgresql', 'postgres<14')],
	});
	const having = (fact: string) => shown(of, deployed(fact));
	expect(shown(of)).not.toContain('can prevent startup');
	expect(shown(of)).toContain('🟡 Needs PostgreSQL 14 or newer');
	expect(having('postgres=10').match(/🔴.*/g)).toEqual([
		'🔴 1. PostgreSQL 10 → 14 or newer. Do it before 1.2.0, which does not start without it. `!postgres 10`',
	]);
	expect(having('postgres=15')).toContain('PostgreSQL 14 or newer ✅');
});

test('mentions all workers once, at the switch', () => {
	const asked = '1.61.0 1.163.2 debian postgres=13 workers';
	const text = terminalText(screenOf(asked), { color: false, width: 1000 });
	expect(text.match(/rolling restart/g)).toBeNull();
	expect(text.match(/stop main and all workers/g)).toHaveLength(1);
});

test('reports unread passages instead of the all-clear', () => {
	const list = releases('1.0.0', '1.2.0');
	const clear = shown(known({ releases: list }));
	expect(clear).toMatch(/one jump, nothing else to do\n\n✅ Nothing to do but the upgrade itself\./);
	const told = shown(known({ releases: list, unread: [unread('1.2.0', { text: 'It will now fail.' })] }));
	expect(told).toMatch(
		/read one new passage first\n\n⚠️ 1 passage that nobody has read yet \(one says “It will now fail/,
	);
	expect(told).not.toMatch(/✅ Nothing/);
});

test('marks a broken target in red, and suggests a release without the bug in the last line', () => {
	const text = terminalText(screenOf('1.98.0 1.109.0 docker postgres=15'), { color: false, width: 1000 });
	expect(text).toMatch(/^1\.98\.0 → 1\.109\.0: use 1\.110\.0 instead/);
	expect(text).toContain('🔴 1. 1.109.0 is broken: `/sync` stays empty for some users after the upgrade.');
	expect(text).toMatch(/Now: plan for the release without the bug: `!upgrade 1\.98\.0 1\.110\.0 docker postgres=15`$/);
});

test('gives no all-clear if a fault may affect the deployment', () => {
	const text = terminalText(screenOf('1.155.0 1.156.0 debian appservices'), { color: false, width: 1000 });
	expect(text).toMatch(/^1\.155\.0 → 1\.156\.0: one jump, no stops in between/);
	expect(text).toContain(
		'✅ Nothing to do but the upgrade itself, unless a bug below affects you.\n🟡 1.156.0 is broken for some servers',
	);
	const clear = terminalText(screenOf('1.163.1 1.163.2 docker postgres=15'), { color: false, width: 1000 });
	expect(clear).toContain('✅ Nothing to do but the upgrade itself.\n');
});

test('does not present systemd\u2019s limit as a wait of days', () => {
	const text = terminalText(screenOf('1.59.1 1.62.0 debian postgres=13 os=debian-12'), { color: false, width: 1000 });
	expect(text).toContain("1. Raise systemd's start timeout. Without it, a long migration can end");
	expect(text).not.toMatch(/allow several days|Hours or days/);
});

test('lists what users will notice in one line each, with what cannot be undone first', () => {
	const notes = [
		note('1.1.0/limit', { when: 'after', people: 'Logins are slow' }),
		note('1.2.0/rooms', { when: 'after', people: 'Rooms change', oneWay: 'For good.' }),
		note('1.2.0/asked', { applies: { all: ['media'] }, people: 'Pictures vanish' }),
	];
	const text = shown(known({ releases: releases('1.0.0', '1.1.0', '1.2.0'), notes }));
	expect(text).toMatch(/Changes for your users.*\n.*· ⚠️ Rooms change\n.*· Pictures vanish\n.*· Logins are slow/);
});

test('lists what to do first, however much there is', () => {
	const text = terminalText(screenOf('1.61.0 1.163.2 debian postgres=13 workers'), { color: false, width: 1000 });
	expect(text).toMatch(/^1\.61\.0 → 1\.163\.2: four things first; allow several days/);
	expect(text).toMatch(/🔴 \d\. Add `main` to `instance_map`/);
	expect(text).toMatch(/🔴 \d\. Stay on 1\.61\.0 and wait for background updates/);
	expect(text).toMatch(/🔴 \d\. PostgreSQL 13 → 14 or newer \(from PGDG\)\. `!postgres 13 debian`/);
});

test('marks a refusal that you can only prevent during the upgrade in red there, not at the top', () => {
	const text = terminalText(screenOf('1.61.0 1.163.2 debian postgres=13 workers'), { color: false, width: 1000 });
	expect(text).toMatch(/During the upgrade\n[^▸]*☐ 🔴 Delete three lines from worker files/);
	expect(text).not.toMatch(/🔴 \d\. Delete three lines/);
	// From 1.84.0 on, the lines can be removed while Synapse is running.
	const later = terminalText(screenOf('1.84.1 1.163.2 debian postgres=14 workers'), { color: false, width: 1000 });
	expect(later).toMatch(/🔴 \d\. Delete three lines from worker files/);
});

/** The lines of the first screen under a title. */
function under(title: string, asked: string): string[] {
	const text = terminalText(screenOf(asked), { color: false, width: 1000 });
	const [, lines = ''] = new RegExp(`^ *${title}\\n((?: *☐.*\\n)*)`, 'm').exec(text) ?? [];
	return lines
		.trim()
		.split('\n')
		.map(line => line.trim());
}

test('lists checks in order before, during and after the upgrade', () => {
	const asked = '1.98.0 1.163.2 docker postgres=15';
	expect(under('Before', asked)).toEqual([
		'☐ Wait until no background updates are left',
		expect.stringContaining('ghcr.io/element-hq'),
		expect.stringContaining('loads media without a login'),
		expect.stringContaining('publish rooms'),
		'☐ 2 more, in “The steps”',
		'☐ Space for a backup? (`df -h`)',
	]);
	expect(under('During the upgrade', asked)).toEqual([
		'☐ Pull the new image, then stop Synapse, and back up',
		expect.stringMatching(/^☐ `up -d synapse`, then wait/),
	]);
	const text = terminalText(screenOf(asked), { color: false, width: 1000 });
	expect(text).toMatch(/Afterwards: ☐ Send a picture, test federation, wait for background updates\n/);
	// If there is more to do afterwards, each item has its own line.
	expect(under('Afterwards', '1.70.0 1.72.0 docker sqlite')).toEqual([
		'☐ Send a picture, test federation, wait for background updates',
		expect.stringContaining('WAL file'),
	]);
});

test('does not count background updates again after a wait', () => {
	expect(under('During the upgrade', '1.61.0 1.163.2 debian postgres=13 workers')[0]).toMatch(
		/^☐ Download the package, then stop main and all workers/,
	);
});

test('shortens a long condition of a fault to “for some”, so that it fits in one line', () => {
	const { faults } = plan({ from: '1.56.0', to: '1.69.0', profile: unknownDeployment, today: '2026-11-29' }, knowledge);
	const texts = faultLines(faults, 60).map(({ text }) => text);
	expect(texts).toContain(
		'**1.69.0 is broken for some servers: Synapse does not start with pydantic 2.** Use 1.87.0 instead.',
	);
	expect(texts).toContainEqual(
		expect.stringContaining('**1.69.0 has a serious bug that affects you if you use SQLite: '),
	);
	const text = terminalText(screenOf('1.56.0 1.69.0'), { color: false, width: 1000 });
	expect(text).not.toMatch(/if you (use|install Synapse with) pip/);
	for (const line of text.split('\n').filter(line => line.includes('broken'))) expect(line.length).toBeLessThan(160);
	// In full if there is enough space.
	const all = planWords(
		plan({ from: '1.56.0', to: '1.69.0', profile: unknownDeployment, today: '2026-11-29' }, knowledge),
		[],
	);
	expect(all.sections[0]?.markdown).toContain('if you install Synapse with pip, from a source checkout');
});

test('says in the steps what to do if startup fails', () => {
	const steps = (asked: string) =>
		screenOf(asked).sections.find(({ title }) => title.startsWith('The steps'))?.markdown ?? '';
	expect(steps('1.61.0 1.163.2 debian postgres=13')).toMatch(
		/If it does not start.*pg_restore -cC.*synapse-1\.61\.0\.dump/s,
	);
	expect(steps('1.161.0 1.163.2 pip sqlite')).toContain('`!rollback 1.163.2 1.161.0`');
});

test('returns the plan with its texts as JSON', () => {
	const { value } = screenOf('1.61.0 1.163.2 debian postgres=13 workers');
	const steps = value.steps as { text: string; task?: unknown }[];
	expect(steps.filter(({ text, task }) => text === '' || task !== undefined)).toEqual([]);
});

test('closes folds on a terminal, and includes their content in the message', () => {
	const answer = screenOf('1.98.0 1.163.2 docker postgres=15');
	const text = terminalText(answer, { color: false });
	expect(text).toContain('▸ The steps, with their commands');
	expect(text).not.toContain('pg_dump');
	expect(matrixMessages(answer).contents[0]?.formatted_body).toContain('pg_dump');
});

/** The steps and the hidden notes, as in the JSON. */
function planOf(asked: string) {
	return screenOf(asked).value as { steps: { id: string }[]; hidden: { id: string }[] };
}

/** The first screen as text. */
function textOf(asked: string): string {
	return terminalText(screenOf(asked), { color: false, width: 1000 });
}

describe('the system under a package', () => {
	test('comes first if its packages end, with the route that is sure to work, and PostgreSQL after it', () => {
		const text = textOf('1.61.0 1.163.2 debian postgres=13 workers os=debian-11');
		expect(text).toMatch(
			/🔴 2\. Go to 1\.141\.0, the last for Debian 11; then upgrade to Debian 12\. `!upgrade 1\.61\.0 1\.141\.0 debian os=debian-11`/,
		);
		expect(text).toMatch(/🔴 \d\. PostgreSQL 13 → 15, once Debian 12 is running\. `!postgres 13 15 debian`/);
		expect(text.indexOf('once Debian 12')).toBeGreaterThan(text.indexOf('the last for Debian 11'));
		// A new system brings a new Python.
		expect(text).not.toMatch(/Python 3\.9 →/);
		expect(text).not.toContain('First check which');
	});
	test('can be upgraded first from a release that also has a package for the next system', () => {
		const text = textOf('1.130.0 1.163.2 debian postgres=13 os=debian-11');
		expect(text).toContain('🔴 1. Upgrade Debian 11 to Debian 12; its packages end at 1.141.0.');
		expect(text).toContain('PostgreSQL 13 → 15, once Debian 12 is running');
	});
	test('is upgraded first if its last package is already running', () => {
		const text = textOf('1.157.2 1.163.2 debian os=ubuntu-25.10');
		expect(text).toContain('🔴 1. Upgrade Ubuntu 25.10 to Ubuntu 26.04; its packages end at 1.157.2.');
		expect(text).not.toContain('!upgrade 1.157.2 1.157.2');
	});
	test('has a step for its Python if this is known to be too old', () => {
		for (const facts of ['distro os=debian-11', 'debian python=3.9']) {
			const { steps, hidden } = planOf(`1.98.0 1.163.2 ${facts}`);
			expect(steps.map(({ id }) => id)).toContain('1.142.0/python-3-10');
			expect(hidden.map(({ id }) => id)).not.toContain('1.142.0/python-3-10');
		}
		const { hidden } = planOf('1.98.0 1.163.2 distro');
		expect(hidden.map(({ id }) => id)).toContain('1.142.0/python-3-10');
	});
	test('is asked for in the last line, instead of a script', () => {
		const text = textOf('1.140.0 1.163.2 debian postgres=15');
		expect(text).toContain('cat /etc/os-release');
		expect(text).not.toContain('the script below');
	});
	test('is never replaced by an older one', () =>
		expect(textOf('1.80.0 1.163.2 debian os=ubuntu-22.10 postgres=14')).toContain(
			'Go to 1.92.0, the last for Ubuntu 22.10; then upgrade to Ubuntu 24.04.',
		));
	test('is not replaced if it is too new for the target', () => {
		const text = textOf('1.56.0 1.60.0 debian os=ubuntu-22.10 postgres=14');
		expect(text).toContain('🔴 1. No 1.60.0 package for Ubuntu 22.10.');
		expect(text).not.toMatch(/then upgrade to|!upgrade 1\.56\.0 1\.92/);
	});
	test('is asked for first if nobody stated it, with what the PostgreSQL version suggests', () => {
		const first = (asked: string) => textOf(asked).split('\n')[2];
		expect(first('1.61.0 1.163.2 debian postgres=13 workers')).toBe(
			'🟡 First check the operating system (`cat /etc/os-release`). PostgreSQL 13 suggests Debian 11, whose packages end at 1.141.0: if so, add `os=debian-11`.',
		);
		expect(first('1.61.0 1.163.2 debian postgres=12 workers')).toContain('PostgreSQL 12 suggests Ubuntu 20.04, whose');
		expect(textOf('1.61.0 1.163.2 debian postgres=13 workers')).toContain(
			'Now: `cat /etc/os-release`; keep 1.61.0 running until this prints 0.',
		);
		// PostgreSQL 15 suggests Debian 12, which has packages of the target.
		expect(first('1.98.0 1.163.2 debian postgres=15')).toContain('Packages are not built for every system; add yours');
		expect(textOf('1.61.0 1.163.2 docker postgres=13')).not.toContain('First check which');
	});
	test('has one PostgreSQL; a newer one comes from PGDG', () => {
		const of = (facts: string) => textOf(`1.98.0 1.163.2 ${facts}`).match(/PostgreSQL 13 → .*/)?.[0];
		expect(of('debian postgres=13 os=debian-12')).toBe(
			'PostgreSQL 13 → 15. Do it before 1.143.0, which does not start without it. `!postgres 13 15 debian`',
		);
		expect(of('pip postgres=13 os=ubuntu-20.04 python=3.12')).toMatch(/^PostgreSQL 13 → 14 or newer \(from PGDG\)\./);
		expect(of('pip postgres=13 os=rhel-9 python=3.12')).toMatch(/\(a `dnf module`\)/);
		expect(of('pip postgres=13 os=alpine-3.20 python=3.12')).not.toContain('PGDG');
		expect(of('docker postgres=13')).toMatch(/^PostgreSQL 13 → 14 or newer\. .*`!postgres 13 docker`/);
	});
});

test('the rollback has a line: possible without the backup, only with it, or not known', () => {
	const back = (asked: string) => textOf(asked).match(/Rollback: .*/)?.[0];
	expect(back('1.98.0 1.163.2 docker postgres=15')).toBe(
		'Rollback: below 1.100.0, only from a backup (`!rollback 1.163.2 1.98.0`)',
	);
	expect(back('1.161.0 1.163.2 pip sqlite')).toBe(
		'Rollback: 1.161.0 still opens the database (`!rollback 1.163.2 1.161.0`)',
	);
	for (const asked of plans) expect(back(asked), asked).toMatch(/`!rollback \S+ \S+`\)$/);
});

test('what cannot be undone for users is on every first screen', () => {
	for (const asked of plans.filter(asked => / 1\.163\.2/.test(asked) && !asked.startsWith('1.163')))
		expect(textOf(asked), asked).toContain('⚠️ New rooms get version 12');
});

test('the signing key of the archive is mentioned, because without it apt may not find the package', () => {
	expect(textOf('1.61.0 1.163.2 debian postgres=13 workers')).toContain('☐\u00a0Renew the package signing key');
	expect(textOf('1.61.0 1.163.2 docker postgres=15 workers')).not.toContain('signing key');
});

test('one sentence says how many settings can prevent startup, and how to find out', () => {
	expect(textOf('1.98.0 1.163.2 docker postgres=15')).toContain(
		'🟡 Only ten settings can prevent startup; the script below says which apply.',
	);
	expect(textOf('1.61.0 1.163.2 debian postgres=13 workers')).toMatch(
		/🟡 \d+ more settings can prevent startup; add `look` to see which apply\./,
	);
	// Something else can stop it, too.
	expect(textOf('1.18.0 1.163.2')).not.toMatch(/Only \d+ things can prevent/);
});

test('pip: the Python of the environment is on the list before the upgrade, unless it is new enough', () => {
	const asked = '1.161.0 1.163.2 pip sqlite';
	expect(under('Before', asked)).toContain('☐ May apply to you: make a new environment with Python 3.11 or newer');
	expect(under('Before', `${asked} python=3.10`)).toContain('☐ Make a new environment with Python 3.11 or newer');
	expect(textOf(`${asked} python=3.12`)).not.toContain('new environment');
});

test.each([
	[1, '1 note, 0 deadlines', '1 note does not apply to you.'],
	[2, '2 notes, 0 deadlines', '2 notes do not apply to you.'],
])('counts %i in English', (number, title, hidden) => {
	const notes = Array.from({ length: number }, (_, i) => [
		note(`1.1.0/known-${i}`),
		note(`1.1.0/hidden-${i}`, { applies: { all: ['email'] } }),
	]).flat();
	const { sections } = screenOf('1.0.0 1.1.0 no-email', known({ releases: releases('1.0.0', '1.1.0'), notes }));
	const last = sections.findLast(({ fold }) => fold);
	expect(last?.title).toBe(`Everything else: ${title}`);
	expect(last?.markdown).toContain(hidden);
});
