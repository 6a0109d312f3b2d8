// Configurations that real releases read or refused: `HomeServerConfig.load_config` of each release was run with them.
import { describe, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { asked } from '../asked.ts';
import { wholePorts } from '../respondent.ts';

const base = `server_name: x.example
report_stats: false
macaroon_secret_key: m
form_secret: f
database: { name: sqlite3 }
trusted_key_servers: []
`;
const ports = await wholePorts([check], new Date(0));

/** The options whose findings would prevent the start. */
async function judged(
	release: string,
	text: string,
	url = 'public_baseurl: https://x.example/\n',
	worker?: string,
): Promise<unknown> {
	const files = [
		{ name: 'homeserver.yaml', text: base + url + text },
		...(worker === undefined ? [] : [{ name: 'worker.yaml', text: worker }]),
	];
	const { value } = await check.run({ ...asked(release), files }, ports);
	const { findings } = value as unknown as { findings: { kind: string; option: string }[] };
	return findings.flatMap(({ kind, option }) => (kind === 'refuses' ? [option] : []));
}

const delegated = (more = '') =>
	`experimental_features: { msc3861: { enabled: true, issuer: "https://a.example/", client_id: c, client_auth_method: client_secret_basic, client_secret: s, admin_token: a }${more} }\n`;
const mas = 'matrix_authentication_service: { enabled: true, endpoint: "http://mas:8080/", secret: s }\n';

describe('logins that Matrix Authentication Service handles', () => {
	test.each([
		['1.85.2', delegated(), 'password_config: { enabled: true }', []],
		['1.86.0', delegated(), '', []],
		['1.86.0', delegated(), 'password_config: { enabled: true }', ['password_config.enabled']],
		['1.115.0', delegated(), 'password_config: { enabled: only_for_reauth }', ['password_config.enabled']],
		['1.115.0', delegated(), 'session_lifetime: 1d', ['session_lifetime']],
		['1.115.0', delegated(), 'login_via_existing_session: { enabled: true }', ['login_via_existing_session.enabled']],
		['1.115.0', delegated(), 'cas_config: { enabled: true, server_url: "https://c.example/" }', ['cas_config']],
		['1.86.0', delegated(), 'user_consent: { version: "1", template_dir: /c }', []],
		['1.91.0', delegated(), 'user_consent: { version: "1", template_dir: /c }', ['user_consent.version']],
		['1.89.0', delegated(', msc3970_enabled: false'), '', ['experimental_features.msc3970_enabled']],
		['1.90.0', delegated(', msc3970_enabled: false'), '', []],
		['1.135.0', mas, 'user_consent: { version: "1", template_dir: /c }\nenable_3pid_changes: true', []],
		['1.136.0', mas, 'enable_3pid_changes: true', ['enable_3pid_changes']],
		['1.163.2', mas, 'user_consent: { version: "1", template_dir: /c }', ['user_consent.version']],
		['1.115.0', mas, 'password_config: { enabled: true }', []],
		['1.136.0', mas, 'password_config: { enabled: true }', ['password_config.enabled']],
		['1.136.0', mas, delegated(), ['experimental_features.msc3861.enabled']],
		['1.105.1', '', 'experimental_features: { msc4108_enabled: true }', []],
		['1.106.0', '', 'experimental_features: { msc4108_enabled: true }', ['experimental_features.msc4108_enabled']],
		['1.115.0', mas, 'experimental_features: { msc4108_enabled: true }', ['experimental_features.msc4108_enabled']],
		['1.136.0', mas, 'experimental_features: { msc4108_enabled: true }', ['experimental_features.msc4108_enabled']],
		['1.137.0', mas, 'experimental_features: { msc4108_enabled: true }', []],
	])('%s: %s%s', async (release, service, text, expected) => {
		expect(await judged(release, service + text)).toEqual(expected);
	});
});

// 1.26.0 alone fills in a missing public_baseurl.
describe('without public_baseurl', () => {
	const saml = 'saml2_config: { sp_config: { metadata: { inline: [] } } }';
	const oidc = 'oidc_config: { enabled: true, issuer: "https://a.example/", client_id: c, client_secret: s }';
	const email = 'email: { smtp_host: localhost, smtp_port: 25, notif_from: a@x.example }';
	const phone = 'account_threepid_delegates: { msisdn: "https://i.example/" }';
	const renewal = 'account_validity: { enabled: true, period: 6w, renew_at: 1w }';
	test.each([
		['1.25.0', saml, ['saml2_config.sp_config']],
		['1.26.0', saml, []],
		['1.27.0', saml, ['public_baseurl']],
		['1.14.0', oidc, ['oidc_config.enabled']],
		['1.26.0', oidc, []],
		['1.27.0', oidc, ['public_baseurl']],
		['1.25.0', email, ['email']],
		['1.26.0', email, []],
		['1.27.0', email, ['public_baseurl']],
		['1.25.0', phone, ['public_baseurl']],
		['1.26.0', phone, []],
		['1.27.0', phone, ['public_baseurl']],
		['1.25.0', renewal, ['account_validity.renew_at']],
		['1.26.0', renewal, []],
		['1.27.0', renewal, ['account_validity.renew_at']],
		['1.46.0', renewal, ['account_validity.renew_at']],
		['1.47.0', renewal, []],
		['1.25.0', 'account_validity: { renew_at: 1w }', ['account_validity.renew_at']],
		['1.32.2', `${renewal}\npublic_baseurl:`, []],
		['1.33.0', `${renewal}\npublic_baseurl:`, ['account_validity.renew_at']],
	])('%s: %s', async (release, text, expected) => {
		expect(await judged(release, `${text}\n`, '')).toEqual(expected);
	});
});

describe('an email section before 1.4.0', () => {
	test.each([
		['{ smtp_host: x, smtp_port: 25, notif_from: a@x.example }', []],
		['{ smtp_host: x, notif_from: a@x.example }', ['email']],
		['{ trust_identity_server_for_password_resets: true }', []],
		['{}', []],
		['', ['email']],
	])('%s', async (email, expected) => {
		for (const release of ['1.0.0', '1.3.0']) expect(await judged(release, `email: ${email}`)).toEqual(expected);
	});
});

// Read in the code: the defaults of these options came in 1.12.0, and the one of an empty section in 1.9.0.
describe('an email section from 1.4.0 on', () => {
	const from = 'notif_from: a@x.example';
	const host = `${from}, smtp_host: x, smtp_port: 25`;
	const templates = 'notif_template_html: a.html, notif_template_text: a.txt';
	test.each([
		['1.4.0', `{ ${host} }`, []],
		['1.4.0', `{ ${from} }`, ['email']],
		['1.11.1', `{ ${from}, smtp_host: x }`, ['email']],
		['1.12.0', `{ ${from} }`, []],
		['1.11.1', `{ ${host}, enable_notifs: true }`, ['email.enable_notifs']],
		['1.11.1', `{ ${host}, enable_notifs: true, ${templates} }`, []],
		['1.12.0', `{ ${host}, enable_notifs: true }`, []],
		['1.8.0', '', ['email']],
		['1.9.0', '', []],
	])('%s: %s', async (release, email, expected) => expect(await judged(release, `email: ${email}`)).toEqual(expected));
});

test.each([
	['restrict_public_rooms_to_local_users: true', []],
	[
		'restrict_public_rooms_to_local_users: true\nallow_public_rooms_without_auth: false',
		['restrict_public_rooms_to_local_users'],
	],
	['verbose: 0\nlog_file: /var/log/synapse.log', []],
	['email: { smtp_host: x }\naccount_threepid_delegates: { email: "https://i.example/" }', []],
])('1.4.0: %s', async (text, expected) => expect(await judged('1.4.0', text)).toEqual(expected));

test('1.46.0: public_baseurl may be missing if an identity server sends the email', async () => {
	const email = 'email: { smtp_host: x }\naccount_threepid_delegates: { email: "https://i.example/" }';
	expect(await judged('1.46.0', email, '')).toEqual([]);
});

test.each([
	['1.135.0', ['default_room_version']],
	['1.135.2', []],
])('%s: room version 12', async (release, expected) => {
	expect(await judged(release, 'default_room_version: 12')).toEqual(expected);
});

describe('a worker that does not know the main process', () => {
	const worker = 'worker_app: synapse.app.generic_worker\nworker_name: w\n';
	const host = 'worker_replication_host: localhost\n';
	const both = `${host}worker_replication_http_port: 9093\n`;
	test.each([
		['1.84.0', 'instance_map: { w: { host: localhost, port: 9094 } }', '', true],
		['1.84.0', 'instance_map: { w: { host: localhost, port: 9094 } }', both, false],
		['1.84.1', '', both, false],
		['1.84.1', '', host, true],
		['1.87.0', '', host, true],
		['1.87.0', 'instance_map: { main: { host: localhost, port: 9093 } }', '', false],
	])('%s: %s %s', async (release, text, own, refused) => {
		expect(((await judged(release, text, undefined, worker + own)) as unknown[]).length > 0).toBe(refused);
	});
});

describe('the first release that refuses', () => {
	const odd = 'listeners: [{ port: 8008, type: x }]';
	const icon =
		'oidc_providers: [{ idp_id: x, idp_name: X, issuer: "https://a.example/", client_id: c, client_secret: s, idp_icon: x }]';
	test.each([
		['1.15.2', odd, []],
		['1.17.0', odd, ['listeners[].type']],
		['1.26.0', icon, ['oidc_providers[].idp_icon']],
		['1.25.0', 'ip_range_blacklist: [host]', ['ip_range_blacklist[]']],
		['1.32.2', 'presence: true', ['presence']],
		['1.13.0', 'spam_checker: x', ['spam_checker']],
		['1.37.1', 'session_lifetime: 1d\naccess_token_lifetime: 5m', []],
		['1.46.0', 'session_lifetime: 1d\naccess_token_lifetime: 5m', ['session_lifetime']],
		['1.48.0', 'session_lifetime: 1d\nrefreshable_access_token_lifetime: 5m', ['session_lifetime']],
		['1.49.0', 'session_lifetime: 1d\nrefreshable_access_token_lifetime: 5m', []],
	])('%s: %s', async (release, text, expected) => expect(await judged(release, text)).toEqual(expected));
});

describe('experimental_features', () => {
	const mode = 'experimental_features.msc4388_mode';
	test.each([
		['1.149.0', mas, 'msc4388_mode: open', [mode]],
		['1.150.0', mas, 'msc4388_mode: public', []],
		['1.150.0', '', 'msc4388_mode: authenticated', [mode]],
		['1.150.0', mas, 'msc4388_mode:', [mode]],
		// YAML's word for false.
		['1.150.0', mas, 'msc4388_mode: off', [mode]],
		['1.163.2', '', 'msc4388_mode: off', [mode]],
		['1.163.2', '', 'msc4388_mode: "off"', []],
		['1.163.2', '', 'msc4388_mode:', [mode]],
		['1.151.0', mas, 'msc4388_mode: open', []],
		['1.156.0', '', 'msc3861:', ['experimental_features.msc3861']],
		['1.156.0', '', 'msc3861: {}', []],
		['1.156.0', '', 'msc3861: false', ['experimental_features.msc3861']],
		['1.157.1', '', 'msc3861:', []],
		['1.157.1', '', 'msc3861: {}', []],
		['1.157.1', '', 'msc3861: { enabled: false }', ['experimental_features.msc3861']],
	])('%s: %s%s', async (release, service, feature, expected) => {
		expect(await judged(release, `${service}experimental_features: { ${feature} }`)).toEqual(expected);
	});
});

describe('matrix_rtc', () => {
	test.each([
		['1.139.2', '{ transports: { a: 1 } }', []],
		['1.140.0', '{ transports: { a: 1 } }', ['matrix_rtc.transports']],
		['1.157.1', '{ transports: }', ['matrix_rtc.transports']],
		['1.157.1', 'x', ['matrix_rtc']],
		['1.157.1', '{ transports: [x] }', []],
		['1.162.0', '{ transports: [x] }', ['matrix_rtc']],
		['1.162.0', '[1]', ['matrix_rtc']],
		['1.162.0', '{ transports: [{ type: livekit, url: "" }] }', ['matrix_rtc']],
		['1.162.0', '{ transports: [{ type: livekit, livekit_service_url: }] }', ['matrix_rtc']],
		['1.162.0', '{ transports: [{ type: livekit, url: "wss://r.example" }] }', []],
		['1.162.0', '', []],
	])('%s: %s', async (release, value, expected) => {
		expect(await judged(release, `matrix_rtc: ${value}`)).toEqual(expected);
	});
});

test.each(['presence: true', 'spam_checker: a.B', 'matrix_rtc: x'])('1.163.2 refuses %s once', async text => {
	expect(await judged('1.163.2', text)).toEqual([text.slice(0, text.indexOf(':'))]);
});

describe('a note that refuses only some of the configurations it is about', () => {
	async function open(release: string, text: string): Promise<unknown> {
		const { value } = await check.run({ ...asked(release), files: [{ name: 'homeserver.yaml', text }] }, ports);
		return (value as { unjudged: { note?: string }[] }).unjudged.flatMap(({ note }) => note ?? []);
	}

	test('is left open if a template hides whether', async () => {
		const redis = `${base}redis:\n  enabled: true\n  username: `;
		expect(await open('1.162.0', `${redis}\${NAME}\n`)).toContain('1.162.0/redis-username');
		expect(await open('1.162.0', `${redis}glia\n`)).not.toContain('1.162.0/redis-username');
	});

	test('is decided by a skeleton that hides only the text', async () => {
		const transport =
			'matrix_rtc:  # 4\n  transports:  # 5\n    -\n      type: "livekit"  # 6\n      url: "***"  # 7\n';
		const skeleton = `--- # file 1\nserver_name: "***"  # 1\nreport_stats: false  # 2\ndatabase: {}  # 3\n${transport}`;
		expect(await open('1.162.0', skeleton)).not.toContain('1.161.0/matrix-rtc-checked');
		expect(await open('1.162.0', skeleton.replace('"***"  # 7', '!tag "***"  # 7'))).toContain(
			'1.161.0/matrix-rtc-checked',
		);
	});
});
