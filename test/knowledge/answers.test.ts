// Answers that were wrong once, and their kin: each was found by running a release or by reading its code at its tag.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAffected } from '../../src/advice/advisory.ts';
import { type Plan, plan, surely } from '../../src/advice/plan.ts';
import { isContradiction, parseTerm, profileOf } from '../../src/advice/profile.ts';
import { readKnowledge } from '../../src/knowledge/read.ts';

const known = readKnowledge(new URL('../../knowledge/', import.meta.url));

/** The plan of `<from> <to> [facts…]`, on a fixed day. */
function planOf(asked: string): Plan {
	const [from = '', to = '', ...facts] = asked.split(' ');
	const profile = profileOf(facts.flatMap(fact => parseTerm(fact) ?? []));
	if (isContradiction(profile)) throw new Error(`contradiction: ${profile.stated}`);
	return plan({ from, to, profile, today: '2026-11-29' }, known);
}

function stepsOf(asked: string, titleOrText: RegExp) {
	return planOf(asked).steps.filter(({ title, text }) => titleOrText.test(title) || titleOrText.test(text));
}

function noteOf(id: string) {
	const note = known.notes.find(other => other.id === id);
	if (!note) throw new Error(`no note ${id}`);
	return note;
}

describe('a release that is broken itself names the one to take instead', () => {
	test('1.84.0: workers without `instance_map` do not start', () => {
		const [step] = stepsOf('1.83.0 1.84.0 workers', /instance_map/);
		expect(step).toMatchObject({ release: '1.84.0', refuses: true, concerned: true });
		expect(step?.text).toContain('where the shared configuration has no `instance_map`');
		expect(step?.text).toContain('take it instead of 1.84.0');
		expect(step?.title).toContain('1.84.1');
	});

	test('1.136.0: the stable MAS block stops the start beside MSC4108', () => {
		const [step] = stepsOf('1.135.2 1.136.0 mas docker', /MSC4108 requires MSC3861/);
		expect(step).toMatchObject({ release: '1.136.0', refuses: true });
		expect(step?.text).toContain('1.137.0');
		expect(stepsOf('1.135.2 1.137.0 mas docker', /MSC4108 requires MSC3861/)).toEqual([]);
		// Who follows the step that has the block reads of it there, too.
		expect(noteOf('1.136.0/msc3861-mas').text).toContain('msc4108_enabled');
	});

	test('1.156.0: bridges with the old registration key get no keys', () => {
		const [step] = stepsOf('1.155.0 1.156.0 debian appservices', /push_ephemeral/);
		expect(step).toMatchObject({ release: '1.156.0', must: true, when: 'before' });
		expect(step?.title).toContain('1.157.1');
		expect(stepsOf('1.155.0 1.157.1 debian appservices', /1\.157\.1 instead/)).toEqual([]);
	});

	test('1.126.0: not even server admins may publish rooms', () => {
		expect(noteOf('1.126.0/room-directory-publication').text).toMatch(/nobody can .* not even\s+server admins/s);
	});
});

describe('an advisory counts where the code shows it', () => {
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

describe('steps of one plan agree', () => {
	test('of the image’s Python a plan names the last one only', () => {
		const steps = stepsOf('1.53.0 1.163.2 docker modules', /site-packages/);
		expect(steps.map(({ id }) => id)).toEqual(['1.141.0/docker-trixie']);
		expect(steps[0]?.tells).toEqual(['1.54.0/docker-python', '1.76.0/docker-python', '1.119.0/docker-python']);
	});

	test('no step at the switch tells people to do it before', () => {
		for (const { possible, id, when, text, title } of known.notes) {
			if (when !== 'before' || possible === undefined) continue;
			// From an older release than `possible` the planner moves it to the switch, so the text has to serve both.
			const says = /\b(bridges|modules) (first|before)\b|^(?!.*from (an )?(older|below)).*\bbefore Synapse\b/is.test(
				text,
			);
			const both = /from an older release|coming from below|\(from an older/i.test(text);
			expect(says && !both, `${id}: ${title}`).toBe(false);
		}
	});

	test('what only few are concerned by is not counted as something to do', () => {
		const sure = planOf('1.47.0 1.163.2').steps.filter(step => step.must && !step.generated && surely(step));
		expect(sure.map(({ id }) => id)).not.toContain('1.48.0/access-token-lifetime');
		expect(sure.map(({ id }) => id)).not.toContain('1.150.0/request-log-format');
		expect(planOf('1.163.2 1.164.0rc3').steps.find(({ id }) => id === '1.164.0/delayed-events-login')?.onlyIf).toBe(
			'`max_event_delay_duration` is set',
		);
	});

	test('a text does not carry the condition that data should', () => {
		const open = known.notes.filter(({ must, onlyIf, text }) => must && onlyIf === undefined && /^Only if /.test(text));
		expect(open.map(({ id }) => id)).toEqual([]);
	});
});

describe('commands that look for values find all that the code reads', () => {
	let dir: string;
	beforeEach(() => {
		dir = mkdtempSync(join(tmpdir(), 'glia-commands-'));
	});
	afterEach(() => rmSync(dir, { recursive: true, force: true }));

	/** The lines that the shell block of a note prints, run where these files lie. */
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

	// What parse_duration and parse_size are given in synapse/config at 1.77.0, 1.100.0, 1.130.0 and 1.163.2.
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

	test('a time or a size that is true or false', () => {
		const values = ['false', 'no', 'Off', 'true # as before'];
		const lines = timesAndSizes.map((name, i) => `  ${name}: ${values[i % values.length]}`);
		const flow = '  default_policy: { min_lifetime: no, max_lifetime: 1y }';
		const fine = ['  min_lifetime: 1d', 'enable_registration: false', 'presence: { enabled: false }'];
		const hits = found('1.77.0/no-booleans-as-durations', {
			'homeserver.yaml': [...lines, flow, ...fine].join('\n'),
		});
		expect(hits.map(hit => hit.replace(/^\d+:/, ''))).toEqual([...lines, flow]);
	});

	test('keys and paths that are no text', () => {
		const bad = ['recaptcha_public_key: 12345 # later', 'recaptcha_private_key: false', 'worker_log_config: -1.5'];
		const fine = ['recaptcha_public_key: 6LcAAAAA', 'recaptcha_private_key: "12345"', 'worker_log_config: /a/1.yaml'];
		const hits = found('1.57.0/text-options', { 'homeserver.yaml': [...bad, ...fine].join('\n') });
		expect(hits.map(hit => hit.replace(/^\d+:/, ''))).toEqual(bad);
	});

	test('structured logging in the file that Synapse generates', () => {
		const hits = found('1.54.0/structured-logging', { 'example.org.log.config': 'version: 1\nstructured: true\n' });
		expect(hits).toEqual(['./example.org.log.config:2:structured: true']);
	});
});
