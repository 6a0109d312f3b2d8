// Derives facts about a deployment from its configuration.
import type { Condition } from '../../configuration/condition.ts';
import { decide } from '../../configuration/condition.ts';
import type { Configuration } from '../../configuration/files.ts';
import type { Derived } from './findings.ts';

/** A fact and what proves it in the files. Only what is certain: an existing section may be switched off. */
const signs: readonly { fact: string; found: Condition }[] = [
	{
		fact: 'database=postgres',
		found: {
			any: [
				{ option: 'database.name', is: 'psycopg2' },
				{ option: 'databases.*.name', is: 'psycopg2' },
			],
		},
	},
	{ fact: 'database=sqlite', found: { option: 'database.name', is: 'sqlite3' } },
	{
		fact: 'workers',
		found: { any: [{ option: 'instance_map' }, { option: 'worker_app', in: 'worker' }, { option: 'stream_writers' }] },
	},
	{
		fact: 'email',
		found: {
			any: [
				{ option: 'email.smtp_host' },
				{ option: 'email.notif_from' },
				{ option: 'account_threepid_delegates.email' },
			],
		},
	},
	{ fact: 'phone', found: { option: 'account_threepid_delegates.msisdn', type: 'string' } },
	{ fact: 'saml', found: { option: 'saml2_config.sp_config', type: 'mapping' } },
	{ fact: 'cas', found: { option: 'cas_config.enabled', is: true } },
	{
		fact: 'oidc',
		found: {
			any: [
				{ option: 'oidc_providers[].idp_id' },
				{ option: 'oidc_providers[].issuer' },
				{ option: 'oidc_config.enabled', is: true },
			],
		},
	},
	{
		fact: 'mas',
		found: {
			any: [
				{ option: 'matrix_authentication_service.enabled', is: true },
				{ option: 'experimental_features.msc3861.enabled', is: true },
			],
		},
	},
	{
		fact: 'appservices',
		found: { any: [{ option: 'app_service_config_files[]' }, { option: 'app_service_config_files', type: 'string' }] },
	},
	{
		fact: 'modules',
		found: {
			any: [
				{ option: 'modules[].module' },
				{ option: 'password_providers[].module' },
				{ option: 'spam_checker' },
				{ option: 'third_party_event_rules.module' },
			],
		},
	},
	{
		fact: 'metrics',
		found: {
			any: [
				{ option: 'enable_metrics', is: true },
				{ option: 'listeners[].type', is: 'metrics' },
			],
		},
	},
	{
		fact: 'url-previews',
		found: { all: [{ option: 'url_preview_enabled' }, { option: 'url_preview_enabled', is: true }] },
	},
	{ fact: 'turn', found: { any: [{ option: 'turn_uris[]' }, { option: 'turn_shared_secret' }] } },
	{
		fact: 'registration',
		found: { all: [{ option: 'enable_registration' }, { option: 'enable_registration', is: true }] },
	},
	{ fact: 'retention', found: { option: 'retention.enabled', is: true } },
	{ fact: 'reverse-proxy', found: { option: 'listeners[].x_forwarded', is: true } },
];

/** What must be present for a fact to be true: if none of it is, and the files are complete, the fact is denied. */
const needs: readonly { denied: string; found: Condition }[] = [
	{ denied: 'no-email', found: { any: [{ option: 'email' }, { option: 'account_threepid_delegates.email' }] } },
	{ denied: 'no-saml', found: { option: 'saml2_config' } },
	{ denied: 'no-cas', found: { option: 'cas_config' } },
	{ denied: 'no-oidc', found: { any: [{ option: 'oidc_providers' }, { option: 'oidc_config' }] } },
	{
		denied: 'no-mas',
		found: { any: [{ option: 'matrix_authentication_service' }, { option: 'experimental_features.msc3861' }] },
	},
	{ denied: 'no-appservices', found: { option: 'app_service_config_files' } },
	{
		denied: 'no-modules',
		found: {
			any: [
				{ option: 'modules' },
				{ option: 'password_providers' },
				{ option: 'spam_checker' },
				{ option: 'third_party_event_rules' },
				{ option: 'presence' },
				{ option: 'ldap_config' },
			],
		},
	},
	{ denied: 'no-turn', found: { any: [{ option: 'turn_uris' }, { option: 'turn_shared_secret' }] } },
	{
		denied: 'no-metrics',
		found: {
			any: [
				{ option: 'enable_metrics', is: true },
				{ option: 'listeners[].type', is: 'metrics' },
				{ option: 'listeners[].resources[].names[]', is: 'metrics' },
			],
		},
	},
	{ denied: 'no-registration', found: { option: 'enable_registration', is: true } },
	{ denied: 'no-url-previews', found: { option: 'url_preview_enabled', is: true } },
	{ denied: 'no-retention', found: { option: 'retention' } },
	{ denied: 'no-phone', found: { option: 'account_threepid_delegates.msisdn' } },
	{
		denied: 'no-workers',
		found: {
			any: [
				{ option: 'redis.enabled' },
				{ option: 'instance_map' },
				{ option: 'stream_writers' },
				{ option: 'worker_app' },
				{ option: 'worker_replication_secret' },
				{ option: 'send_federation' },
				{ option: 'start_pushers' },
				{ option: 'listeners[].type', is: 'replication' },
				{ option: 'listeners[].resources[].names[]', is: 'replication' },
			],
		},
	},
];

/** The facts that these files show, each with the place that shows it; line 0: nothing in them says otherwise. */
export function deriveFacts(configuration: Configuration): Derived[] {
	return [...saidFacts(configuration), ...deniedFacts(configuration)];
}

function deniedFacts(configuration: Configuration): Derived[] {
	const main = configuration.processes.find(({ part }) => part === 'main');
	if (!main || configuration.excerpt || configuration.unreadable.length) return [];
	const denied = needs.flatMap(({ denied: fact, found }) =>
		decide(found, { configuration, defaultOf: () => null, release: '0.0.0' }).is === false ? [fact] : [],
	);
	return denied.map(fact => ({ fact, file: main.value.file, line: 0 }));
}

function saidFacts(configuration: Configuration): Derived[] {
	return signs.flatMap(({ fact, found }): Derived[] => {
		// No defaults: what is not written is not known.
		const { is, at } = decide(found, { configuration, defaultOf: () => undefined, release: '0.0.0' });
		return is === true && at ? [{ fact, file: at.file, line: at.line }] : [];
	});
}
