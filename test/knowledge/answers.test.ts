// Answers that were once wrong, and similar ones. The right ones come from running a release or reading its code.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { isAffected } from '../../src/advice/upgrade/advisories.ts';
import { deadlines } from '../../src/advice/upgrade/deadlines.ts';
import { type Plan, plan } from '../../src/advice/upgrade/plan.ts';
import { surely } from '../../src/advice/upgrade/step.ts';
import { unknownDeployment } from '../../src/deployment/facts.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { dueWords } from '../../src/messages/deadlines.ts';
import { planWords } from '../../src/messages/plan.ts';
import { worded } from '../../src/messages/switch.ts';
import { asked } from '../asked.ts';
import { deployed } from '../deployed.ts';
import { note, releases } from '../known.ts';
import { wholePorts } from '../respondent.ts';

const known = readKnowledge(new URL('../../knowledge/', import.meta.url));

/** The plan of `<from> <to> [facts…]`, on a fixed day. */
function planOf(asked: string): Plan {
	const [from = '', to = '', ...facts] = asked.split(' ');
	return worded(plan({ from, to, profile: deployed(facts.join(' ')), today: '2026-11-29' }, known));
}

function stepsOf(asked: string, titleOrText: RegExp) {
	return planOf(asked).steps.filter(({ title, text }) => titleOrText.test(title) || titleOrText.test(text));
}

const noteStory = new Map(known.notes.map(({ id, story }) => [id, story]));

function noteOf(id: string) {
	const note = known.notes.find(other => other.id === id);
	if (!note) throw new Error(`no note ${id}`);
	return note;
}

describe('a broken release names the one to use instead', () => {
	test('1.84.0: workers without `instance_map` do not work', () => {
		const [step] = stepsOf('1.83.0 1.84.0 workers', /instance_map/);
		expect(step).toMatchObject({ release: '1.84.0', refuses: true, concerned: true });
		expect(step?.text).toMatch(/no worker works if the shared\s+configuration has no `instance_map`/);
		expect(step?.text).toMatch(/1\.84\.1 fixes this:\s+upgrade\s+to\s+it\s+instead/);
		expect(step?.title).toContain('1.84.1');
	});

	test('1.136.0: the stable MAS block prevents startup together with MSC4108', () => {
		const [step] = stepsOf('1.135.2 1.136.0 mas docker', /MSC4108 requires MSC3861/);
		expect(step).toMatchObject({ release: '1.136.0', refuses: true });
		expect(step?.text).toContain('1.137.0');
		expect(stepsOf('1.135.2 1.137.0 mas docker', /MSC4108 requires MSC3861/)).toEqual([]);
		// The step about the block mentions it too.
		expect(noteOf('1.136.0/msc3861-mas').text).toContain('msc4108_enabled');
	});

	test('1.156.0: bridges with the old registration key get no keys', () => {
		const silent = (asked: string) => planOf(asked).faults.find(({ id }) => id === '1.156.0/legacy-ephemeral-key');
		expect(silent('1.155.0 1.156.0 debian appservices')).toMatchObject({
			severity: 'severe',
			at: 'target',
			onlyIf: expect.stringContaining('push_ephemeral'),
			text: expect.stringContaining('receive_ephemeral: true'),
		});
		expect(silent('1.155.0 1.157.1 debian appservices')).toBeUndefined();
	});

	test.each([
		['1.142.0', 'mas', '1.142.0/mas-endpoint-path', '1.142.1'],
		['1.128.0', 'sqlite', '1.128.0/participant-update-sqlite', '1.129.0'],
		['1.140.0', 'no-mas', '1.140.0/long-passwords', '1.141.0'],
		['1.149.0', 'modules', '1.149.0/ldap-module', '1.149.1'],
		['1.139.1', 'docker', '1.138.3/null-device-keys', '1.139.2'],
	])('%s %s: %s is reported for this target, but not for %s', (release, fact, id, cure) => {
		const told = (to: string) => planOf(`1.127.0 ${to} ${fact}`).faults.map(fault => fault.id);
		expect(told(release)).toContain(id);
		expect(told(cure)).not.toContain(id);
	});

	test('1.126.0: not even server admins may publish rooms', () => {
		expect(noteOf('1.126.0/room-directory-publication').text).toMatch(/nobody can .*\sincludes\s+server admins/s);
	});
});

test('1.66.0: testing mail on the old release only proves something without the delegation', () => {
	expect(noteOf('1.66.0/email-delegation').text).toMatch(/while the delegation is set, the identity server sends/);
});

describe('the stop for PostgreSQL databases', () => {
	const dangersOf = (asked: string) => planWords(planOf(asked), []).sections[0]?.markdown.split('\n') ?? [];

	test.each(['1.21.2', '1.25.0', '1.37.1'])(
		'is required from %s to 1.83–1.88, because background updates never finish',
		from => {
			for (const to of ['1.83.0', '1.84.0', '1.88.0']) {
				const asked = `${from} ${to} docker postgres=13`;
				const { stops, steps } = planOf(asked);
				expect(stops).toContainEqual(expect.objectContaining({ best: '1.81.0', required: true, sticks: true }));
				const { lead, sections } = planWords(planOf(asked), []);
				expect(lead).toContain(`**${from} → ${to}: stop at 1.81.0 first`);
				const [first] = dangersOf(asked);
				expect(first).toMatch(/^\* 🔴 \*\*Stop at 1\.81\.0\*\* .*never finish/);
				// The step that it refers to says how to check that the updates are done.
				const number = Number(/step (\d+)/.exec(first ?? '')?.[1]);
				expect(sections.find(({ title }) => title.startsWith(`${number}. `))?.markdown).toContain(
					'SELECT count(*) FROM background_updates',
				);
				expect(steps.filter(({ id }) => id.endsWith('/switch'))).toHaveLength(2);
				expect(sections.find(({ title }) => title.startsWith('Halts to keep'))?.markdown ?? '').not.toContain('1.81.0');
			}
		},
	);

	test('comes first in a plan from below 1.38 to 1.89 or newer, and warns about a corrupted database', () => {
		const [first] = dangersOf('1.26.0 1.163.2 pip postgres');
		expect(first).toMatch(/^\* 🔴 \*\*Stop at 1\.81\.0\*\* .*corrupt the database/);
		expect(dangersOf('1.26.0 1.163.2 pip sqlite').join()).not.toContain('Stop at');
		expect(dangersOf('1.26.0 1.163.2 pip')[0]).toContain('If you use PostgreSQL: stop at 1.81.0');
	});

	test.each(['1.83.0', '1.84.1', '1.88.0'])(
		'is needed from %s on only if the update is stuck, as the wait says',
		from => {
			const { stops, steps } = planOf(`${from} 1.163.2 debian postgres=15`);
			expect(stops.filter(({ onlyIf }) => onlyIf !== undefined)).toEqual([
				expect.objectContaining({
					required: false,
					from: '1.89.0',
					to: '1.114.0',
					best: '1.114.0',
					onlyIf: '`replace_stream_ordering_column` is still queued',
				}),
			]);
			const wait = steps.find(({ id }) => id === `${from}/stream-ordering`);
			expect(wait?.text).toContain("LIKE '%stream_ordering2%'");
			expect(wait?.text).toContain('Upgrade to 1.114.0');
			expect(wait?.text).toContain('cannot drop column stream_ordering');
			expect(steps.filter(({ id }) => id.endsWith('/switch'))).toHaveLength(1);
			const [first] = dangersOf(`${from} 1.163.2 debian postgres=15`);
			expect(first).toContain('If `replace_stream_ordering_column` is still queued: stop at 1.114.0');
		},
	);

	test('is only a wait from a release that finishes the update', () => {
		const { stops, steps } = planOf('1.60.0 1.84.0 docker postgres=13');
		expect(stops.filter(({ required }) => required)).toEqual([]);
		expect(steps[0]).toMatchObject({ id: '1.60.0/stream-ordering-stuck', when: 'before', must: true });
		expect(steps[0]?.text).not.toContain('stream_ordering2');
		expect(dangersOf('1.60.0 1.84.0 docker postgres=13')[0]).toMatch(
			/Finish step 1 before you continue.*never finish\.$/,
		);
		expect(dangersOf('1.60.0 1.163.2 docker postgres=13')[0]).toMatch(
			/Finish step 1 before you continue.*corrupt the database/,
		);
		const [check, ...others] = stepsOf('1.100.0 1.163.2 docker postgres=15', /replace_stream_ordering_column/);
		expect(others).toEqual([]);
		expect(check).toMatchObject({
			id: '1.115.0/stream-ordering-stuck',
			onlyIf: '`replace_stream_ordering_column` is still queued',
		});
		// After the wait on a release that finishes the update there is nothing left to check.
		const [wait, ...later] = stepsOf(
			'1.61.0 1.163.2 docker postgres=14',
			/replace_stream_ordering_column|background updates/,
		);
		expect(wait).toMatchObject({ id: '1.61.0/stream-ordering' });
		expect(wait?.tells).toContain('1.115.0/stream-ordering-stuck');
		expect(later.flatMap(({ tells }) => tells)).not.toContain('1.115.0/stream-ordering-stuck');
	});
});

describe('an advisory applies where the code shows it', () => {
	const affected = (id: string, version: string) => {
		const advisory = known.advisories.find(other => other.id === id);
		return advisory && isAffected(advisory, version);
	};

	test.each([
		['0.33.2', true],
		['0.33.2.1', false],
		['0.33.3rc2', true],
		['0.33.3', true],
		['0.33.3.1', false],
		['0.33.4rc1', true],
		['0.33.4', false],
	])('CVE-2018-16515 in %s: %s', (version, is) => {
		expect(affected('CVE-2018-16515', version)).toBe(is);
	});

	test.each([
		['0.9.3', false],
		['0.10.0', true],
		['0.34.0', true],
		['1.33.0', true],
		['1.92.3', true],
		['1.93.0', false],
	])('CVE-2023-42453 in %s: %s', (version, is) => {
		expect(affected('CVE-2023-42453', version)).toBe(is);
	});
});

describe('a promise is late if the release that kept it says so', () => {
	const promises = deadlines({ at: '1.164.0', today: '2026-11-29', all: true }, unknownDeployment, known);
	const of = (id: string) => promises.find(deadline => deadline.id === id);

	test.each([
		// “1.88.0 or later”, or the first release after the date.
		['1.81.0/appservice-legacy-paths', '1.90.0', false],
		['1.81.0/appservice-query-token', '1.90.0', false],
		['1.85.0/appservice-register-user', '1.89.0', false],
		['1.18.0/docker-py3-tags', '1.19.0', false],
		// First promised for 1.137.0 and 1.64.0; a comment in the code named 1.32.0.
		['1.136.0/msc3861-mas', '1.157.0', true],
		['1.64.0/email-delegation', '1.66.0', true],
		['1.27.0/saml-addresses', null, true],
		['1.25.0/postgresql-floor', '1.32.0', true],
		['1.35.0/several-sso-providers', '1.43.0', true],
		['1.41.0/template-directory', null, true],
		['1.51.0/webclient', '1.53.0', false],
		['1.150.0/set-displayname-deactivation', null, false],
		// Announced in old releases.
		['0.34.0/debian-package', '1.1.0', false],
		['0.99.0/tls-certificates', '1.0.0', false],
		['1.4.0/email-verification', '1.7.0', false],
		['1.10.0/client-secret', '1.20.0', false],
		['1.31.0/python-floor', '1.32.0', false],
		['1.31.0/postgresql-floor', '1.32.0', false],
		['1.141.0/appservice-device-parameter', '1.161.0', true],
	])('%s, kept by %s, is late: %s', (id, landed, slipped) => {
		expect(of(id)).toMatchObject({ landed, slipped });
	});

	test('says “or later”, which is never overdue', () => {
		const promise = { subject: 'owls', at: { version: '1.2.0', orLater: true as const }, promised: 'They go.' };
		const owls = { ...known, releases: releases('1.0.0', '1.3.0'), notes: [note('1.0.0/owls', { deadline: promise })] };
		const [deadline] = deadlines({ at: '1.3.0', today: '2026-11-29', all: false }, unknownDeployment, owls);
		expect(deadline).toMatchObject({ slipped: false });
		expect(deadline && dueWords(deadline)).toBe('to be dropped in 1.2.0 or later');
	});
});

describe("upstream's packages", () => {
	test("end as in upstream's build list, by Python, and not at all for systems dropped long ago", () => {
		const open = deadlines({ at: '1.163.2', today: '2026-11-29', all: false }, unknownDeployment, known);
		const systems = open.filter(({ id }) => /^lifecycle\/(debian|ubuntu)/.test(id));
		expect(systems.map(({ id, at }) => [id, at.date])).toEqual([
			['lifecycle/ubuntu-22.04', '2026-10-31'],
			['lifecycle/debian-12', '2027-10-31'],
		]);
	});

	test('upgrade a system without packages for the target first, and download nothing for it', () => {
		const { steps } = planOf('1.130.0 1.163.2 debian postgres=13 os=debian-11');
		expect(steps[0]).toMatchObject({ id: '1.163.2/no-package', when: 'before', must: true });
		expect(steps.find(({ id }) => id === '1.163.2/switch')?.text).not.toContain('wget');
		const { sections } = planWords(planOf('1.130.0 1.163.2 debian postgres=13 os=debian-11'), []);
		expect(sections[0]?.markdown).toMatch(/^\* 🔴 Upgrade Debian 11 to Debian 12; its packages end at 1\.141\.0/);
	});

	test('are only sure to fit a system if they were built after its release: before, its Python could change', () => {
		const lacking = (asked: string) => {
			const { markdown = '' } =
				planWords(planOf(asked), []).sections.find(({ title }) => title.includes('Debian 11')) ?? {};
			return markdown;
		};
		// Debian 12 came on 2023-06-10: 1.85.0 was built before it, 1.86.0 after.
		expect(lacking('1.85.0 1.163.2 debian os=debian-11')).toContain('First go to 1.141.0 on this system');
		expect(lacking('1.86.0 1.163.2 debian os=debian-11')).toContain('Debian 12 has packages for 1.86.0 and 1.163.2');
		// Debian cannot be upgraded to Ubuntu.
		expect(lacking('1.86.0 1.163.2 debian os=debian-11')).not.toContain('Ubuntu');
	});

	test('bring the Python and SQLite that they need, so there are no minimum versions', () => {
		const floors = (facts: string) => {
			const { steps, hidden } = planOf(`1.18.0 1.163.2 ${facts}`);
			const isFloor = ({ id }: { id: string }) => /^(python|sqlite)-floor$/.test(noteStory.get(id) ?? '');
			return { shown: steps.filter(isFloor).length, hidden: hidden.filter(isFloor) };
		};
		for (const install of ['debian', 'distro', 'nix']) {
			expect(floors(install).shown, install).toBe(0);
			expect(floors(install).hidden[0], install).toMatchObject({ because: [`install=${install}`] });
		}
		expect(floors('pip').shown).toBeGreaterThan(1);
	});

	test('ask for the system if some system has no packages for the target', () => {
		expect(planWords(planOf('1.130.0 1.163.2 debian postgres=13'), []).lead).toMatch(/Say which operating system.*os=/);
		for (const asked of ['1.158.0 1.163.2 debian', '1.130.0 1.163.2 docker', '1.130.0 1.163.2 debian os=debian-12'])
			expect(planWords(planOf(asked), []).lead, asked).not.toContain('Say which operating system');
	});

	test("imply the system's Python, but not inside an image", () => {
		const floor = (facts: string) => planOf(`1.130.0 1.163.2 ${facts}`).floors.find(({ of }) => of === 'python')?.met;
		expect(floor('debian os=debian-11')).toBe(false);
		expect(floor('pip os=ubuntu-22.04')).toBe(true);
		expect(floor('os=ubuntu-22.04')).toBe(true);
		expect(floor('docker os=debian-11')).toBeUndefined();
		expect(floor('nix os=debian-11')).toBe('unknown');
		expect(floor('pip os=debian-11 python=3.12')).toBe(true);
	});
});

describe('the hint suggests what shortens the plan most', () => {
	const shorter = (asked: string) => {
		const lead = planWords(planOf(asked), []).lead;
		const [, proposed = ''] = /for example `!upgrade ([^`]+)`/.exec(lead) ?? [];
		return { lead, proposed, saved: planOf(asked).steps.length - (proposed ? planOf(proposed).steps.length : 0) };
	};

	test.each(['1.98.0 1.163.2', '1.56.0 1.69.0 postgres=10 workers docker', '1.20.0 1.163.2 pip'])('%s', asked => {
		const { proposed, saved } = shorter(asked);
		expect(proposed.startsWith(asked.split(' ').slice(0, 2).join(' '))).toBe(true);
		// Denying any other single fact would hide no more than each of the three.
		for (const fact of ['workers', 'modules', 'appservices', 'sso', 'mas', 'metrics', 'admin-api']) {
			if (proposed.includes(fact)) continue;
			const alone = planOf(asked).steps.length - planOf(`${asked} no-${fact}`).steps.length;
			expect(alone * 3, fact).toBeLessThanOrEqual(saved);
		}
		expect(saved).toBeGreaterThanOrEqual(3);
	});

	test('suggests a negated fact, and does not ask for what follows from a fact', () => {
		expect(shorter('1.98.0 1.163.2').proposed).toContain('no-workers');
		expect(shorter('1.130.0 1.163.2 debian os=debian-12').proposed).not.toContain('python=');
	});
});

test('a long first start is certain if you start below the release that queues its work', () => {
	const step = (asked: string) => planOf(asked).steps.find(({ id }) => id === '1.85.0/push-updates-in-foreground');
	expect(step('1.61.0 1.163.2 docker sqlite')).toMatchObject({ when: 'switch', must: true });
	expect(step('1.61.0 1.163.2 docker sqlite')).not.toHaveProperty('onlyIf');
	expect(step('1.61.0 1.163.2 docker sqlite')).not.toHaveProperty('query');
	expect(step('1.68.0 1.163.2 docker sqlite')).toMatchObject({ when: 'before', query: true });
	expect(step('1.68.0 1.163.2 docker sqlite')?.onlyIf).toContain('is still queued');
});

describe('the steps of a plan', () => {
	test('name only the last Python of the image', () => {
		const [step, ...others] = stepsOf('1.53.0 1.163.2 docker modules', /site-packages/);
		expect(others).toEqual([]);
		expect(step?.text.match(/site-packages/g)).toHaveLength(1);
		for (const id of ['1.141.0/docker-trixie', '1.54.0/docker-python', '1.76.0/docker-python', '1.119.0/docker-python'])
			expect(step?.tells).toContain(id);
	});

	test('do not ask for something before the upgrade if they are part of it', () => {
		for (const { possible, id, when, text, title } of known.notes) {
			if (when !== 'before' || possible === undefined) continue;
			// If the start is below `possible`, the planner moves the step to the switch, so the text has to fit both.
			const says = /\b(bridges|modules) (first|before)\b|^(?!.*from (an )?(older|below)).*\bbefore Synapse\b/is.test(
				text,
			);
			const both = /from an older release|coming from below|\(from an older/i.test(text.replace(/\s+/g, ' '));
			expect(says && !both, `${id}: ${title}`).toBe(false);
		}
	});

	test('do not count as something to do if they affect only a few', () => {
		const sure = planOf('1.47.0 1.163.2').steps.filter(step => step.must && !step.generated && surely(step));
		expect(sure.map(({ id }) => id)).not.toContain('1.48.0/access-token-lifetime');
		expect(sure.map(({ id }) => id)).not.toContain('1.150.0/request-log-format');
		expect(planOf('1.163.2 1.164.0rc3').steps.find(({ id }) => id === '1.164.0/delayed-events-login')?.onlyIf).toBe(
			'`max_event_delay_duration` is set',
		);
	});

	test('state conditions as data, not in the text', () => {
		const open = known.notes.filter(({ must, onlyIf, text }) => must && onlyIf === undefined && /^Only if /.test(text));
		expect(open.map(({ id }) => id)).toEqual([]);
	});
});

describe('search commands find every value that the code reads', () => {
	let dir: string;
	beforeEach(() => {
		dir = mkdtempSync(join(tmpdir(), 'glia-commands-'));
	});
	afterEach(() => rmSync(dir, { recursive: true, force: true }));

	/** The lines that the shell block of a note prints in a folder with these files. */
	function found(id: string, files: Record<string, string>): string[] {
		for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
		const block = /```(?:bash|sh)?\n(.*?)```/s.exec(noteOf(id).text.slice(noteOf(id).text.indexOf('grep') - 120))?.[1];
		const script = block ?? /`(grep [^`]+)`/.exec(noteOf(id).text)?.[1] ?? '';
		try {
			return execFileSync('bash', ['-c', script], { cwd: dir, encoding: 'utf8' }).trim().split('\n');
		} catch {
			return [];
		}
	}

	// What synapse/config passes to parse_duration and parse_size at 1.77.0, 1.100.0, 1.130.0 and 1.163.2.
	const timesAndSizes = [
		...['period', 'renew_at', 'token_timeout', 'session_timeout', 'sync_response_cache_duration', 'cache_entry_ttl'],
		...['event_cache_size', 'expiry_time', 'max_cache_memory_usage', 'min_cache_ttl', 'target_cache_memory_usage'],
		...['notif_delay_before_mail', 'validation_token_lifetime', 'msc3882_token_timeout', 'client_timeout'],
		...['destination_max_retry_interval', 'destination_min_retry_interval', 'max_long_retry_delay'],
		...['max_short_retry_delay', 'key_refresh_interval', 'jitter_delay', 'remote_media_download_burst_count'],
		...['remote_media_download_per_second', 'nonrefreshable_access_token_lifetime', 'refresh_token_lifetime'],
		...['refreshable_access_token_lifetime', 'session_lifetime', 'max_image_pixels', 'max_spider_size'],
		...['max_upload_size', 'unused_expiration_time', 'local_media_lifetime', 'remote_media_lifetime', 'interval'],
		...['longest_max_lifetime', 'shortest_max_lifetime', 'allowed_lifetime_max', 'allowed_lifetime_min'],
		...['max_lifetime', 'min_lifetime', 'saml_session_lifetime', 'delete_stale_devices_after', 'idle_timeout'],
		...['forgotten_room_retention_period', 'max_event_delay_duration', 'last_active_granularity', 'max_size'],
		...['sync_online_timeout', 'redaction_allowed_period', 'redaction_retention_period', 'max_avatar_size'],
		...['user_ips_max_age', 'turn_user_lifetime', 'time_period'],
	];

	test('a time or size that is true or false', () => {
		const values = ['false', 'no', 'Off', 'true # as before'];
		const lines = timesAndSizes.map((name, i) => `  ${name}: ${values[i % values.length]}`);
		const flow = '  default_policy: { min_lifetime: no, max_lifetime: 1y }';
		const fine = ['  min_lifetime: 1d', 'enable_registration: false', 'presence: { enabled: false }'];
		const hits = found('1.77.0/no-booleans-as-durations', {
			'homeserver.yaml': [...lines, flow, ...fine].join('\n'),
		});
		expect(hits.map(hit => hit.replace(/^\d+:/, ''))).toEqual([...lines, flow]);
	});

	test('keys and paths that are not strings', () => {
		const bad = ['recaptcha_public_key: 12345 # later', 'recaptcha_private_key: false', 'worker_log_config: -1.5'];
		const fine = ['recaptcha_public_key: 6LcAAAAA', 'recaptcha_private_key: "12345"', 'worker_log_config: /a/1.yaml'];
		const hits = found('1.57.0/text-options', { 'homeserver.yaml': [...bad, ...fine].join('\n') });
		expect(hits.map(hit => hit.replace(/^\d+:/, ''))).toEqual(bad);
	});

	test('structured logging in a generated file', () => {
		const hits = found('1.54.0/structured-logging', { 'example.org.log.config': 'version: 1\nstructured: true\n' });
		expect(hits).toEqual(['./example.org.log.config:2:structured: true']);
	});
});

// synapse/config/oidc.py at 1.100.0: a missing secret is only refused if `client_auth_method` is set.
test.each([
	['', []],
	[', client_auth_method: none', []],
	[', client_auth_method: client_secret_post', ['refuses 1.100.0/oidc-client-secret']],
	[', client_auth_method: client_secret_post, client_secret: x', []],
])('1.100.0 and an OpenID provider with its address and client ID%s', async (more, expected) => {
	const entry = `{ idp_id: x, idp_name: X, issuer: "https://idp.example.org/", client_id: synapse${more} }`;
	const text = `server_name: x\nreport_stats: false\ndatabase: { name: sqlite3 }\noidc_providers: [${entry}]\n`;
	const files = [{ name: 'homeserver.yaml', text }];
	const { value } = await check.run({ ...asked('1.99 1.100'), files }, await wholePorts([check], new Date(0)));
	const { findings } = value as unknown as { findings: { kind: string; note?: string }[] };
	expect(findings.map(({ kind, note }) => `${kind} ${note}`)).toEqual(expected);
});
