// The deployments whose vars.yml is tested, one of each kind that the guide knows, and values for what admins fill in.

export type Deployment = {
	/** The name of its host: matrix.<name>.example.org. */
	name: string;
	stated: Record<string, string>;
	facts: string[];
};

function deployment(name: string, facts: string, stated: Record<string, string> = {}): Deployment {
	return { name, stated, facts: facts.split(' ') };
}

/** Every way, proxy, port and login. Most facts are stated in some deployments and denied in others. */
export const deployments: Deployment[] = [
	deployment(
		'nginx',
		'docker postgres no-workers email no-oidc no-saml no-turn no-registration no-metrics no-retention no-modules no-appservices url-previews',
		{ proxy: 'nginx', 'federation-port': '443' },
	),
	deployment(
		'none',
		'docker postgres workers email oidc turn registration metrics retention modules appservices no-url-previews',
		{ proxy: 'none', 'federation-port': '8448', place: 'new', 'new-machine': '192.0.2.7' },
	),
	deployment(
		'caddy',
		'docker postgres workers no-email no-oidc turn appservices no-modules no-registration no-metrics no-retention no-url-previews',
		{ proxy: 'caddy', 'federation-port': '8448', s3: 'yes' },
	),
	deployment(
		'traefik',
		'docker postgres no-workers email oidc registration no-turn no-modules no-appservices no-metrics no-retention url-previews',
		{ proxy: 'traefik', 'federation-port': '443' },
	),
	deployment(
		'keep',
		'docker postgres workers email oidc modules turn registration metrics retention no-appservices url-previews',
		{ server: 'external', 'db-host': 'db.example.org', proxy: 'nginx', 'federation-port': '8448' },
	),
	deployment(
		'sqlite',
		'docker sqlite no-workers no-email no-oidc no-modules no-turn no-registration no-metrics no-retention no-appservices no-url-previews',
		{ layout: 'plain', proxy: 'none', 'federation-port': '443' },
	),
	deployment(
		'mas',
		'docker postgres mas no-workers email no-modules no-turn no-metrics no-retention appservices no-url-previews',
		{ proxy: 'none', 'federation-port': '8448' },
	),
	deployment(
		'maskeep',
		'docker postgres mas workers no-email no-modules turn metrics no-retention no-appservices no-url-previews',
		{ server: 'external', 'db-host': 'db.example.org', proxy: 'caddy', 'federation-port': '443' },
	),
	deployment(
		'alone',
		'docker postgres no-federation no-workers no-email no-oidc no-modules no-turn no-registration no-metrics no-retention no-appservices no-media',
		{ proxy: 'nginx', 'federation-port': '8448' },
	),
	deployment('unsaid', 'docker postgres', { proxy: 'caddy', 'federation-port': '8448' }),
];

/** Wrong files, created from a correct one, each with the guide's error for it. */
export const mistakes: { failure: string; vars: (right: string) => string; of?: string }[] = [
	{
		failure: 'version-behind',
		vars: right => right.replace(/^(matrix_playbook_migration_validated_version: ).*$/m, '$1v2026.03.23.0'),
	},
	{
		failure: 'version-missing',
		vars: right => right.replace(/^matrix_playbook_migration_validated_version: .*$/m, ''),
	},
	{ failure: 'renamed', vars: right => `${right}\nmatrix_synapse_use_presence: true\n` },
	{ failure: 'devture', vars: right => `${right}\ndevture_postgres_enabled: false\n` },
	{ failure: 'mailer', vars: right => `${right}\nmatrix_mailer_relay_use: true\n` },
	{
		failure: 'secret-missing',
		vars: right => right.replace(/^matrix_homeserver_generic_secret_key: .*$/m, ''),
	},
	{
		failure: 'password-and-mas',
		of: 'mas',
		vars: right => `${right}\nmatrix_synapse_password_config_enabled: true\n`,
	},
];

export const hex = '0123456789abcdef'.repeat(4);
const appservice = 'bridge.yaml';

/** What an admin would fill in, by the start of the placeholder's text after REPLACE. */
const values: [RegExp, string][] = [
	[/^new: openssl/, hex],
	[/^MAS config.yaml: secrets.encryption/, hex],
	[/^MAS config.yaml: secrets.keys, kid/, 'old-kid'],
	[/^MAS config.yaml: email.hostname/, 'mail.example.org'],
	[/^MAS config.yaml: email.from/, 'matrix@example.org'],
	[
		/^MAS config.yaml: passwords.schemes/,
		"[{ version: 1, algorithm: bcrypt, unicode_normalization: true, secret: 'a pepper' }, { version: 2, algorithm: argon2id }]",
	],
	[
		/^MAS config.yaml: upstream_oauth2.providers/,
		"[{ id: 01H8PKNWKKRPCBW4YGH1RWV279, issuer: 'https://idp.example.org/', client_id: glia, token_endpoint_auth_method: none, scope: openid }]",
	],
	[/^MAS config.yaml: clients/, '[{ client_id: 01H8PKNWKKRPCBW4YGH1RWV280, client_auth_method: none }]'],
	[/^MAS config.yaml: /, 'old-mas-value'],
	[/^homeserver.yaml: email.notif_from/, 'Matrix <matrix@example.org>'],
	[/^homeserver.yaml: email.client_base_url/, 'https://app.example.org'],
	[/^homeserver.yaml: email.smtp_host/, 'mail.example.org'],
	[/^homeserver.yaml: oidc_providers, issuer/, 'https://idp.example.org/'],
	[/^homeserver.yaml: oidc_providers, idp_id/, 'oidc-old'],
	[/^homeserver.yaml: turn_uris/, 'turn:turn.example.org?transport=udp'],
	[/^homeserver.yaml: app_service_config_files/, appservice],
	[/^homeserver.yaml: modules, module/, 'glia_module.Module'],
	[/^homeserver.yaml: media_storage_providers, endpoint_url/, 's3.example.org'],
	[/^homeserver.yaml: retention.default_policy.min_lifetime/, '1d'],
	[/^homeserver.yaml: retention.default_policy.max_lifetime/, '1y'],
	[/^homeserver.yaml: everything else/, 'nothing'],
	[/^homeserver.yaml: ([\w., ]+)/, 'old'],
	[/^docker network ls/, 'bridges'],
	[/^package that contains the module/, 'a-module'],
];

/** The file with every placeholder filled in: the old secrets as given, everything else with a matching value. */
export function filledIn(text: string, given: Readonly<Record<string, string>> = {}): string {
	// A list replaces the quoted words, anything else goes inside the quotes.
	return text.replace(/'REPLACE ([^'\n]*)'|REPLACE ([^'\n]*)/g, (_, quoted: string | undefined, bare = '') => {
		const says = quoted ?? String(bare);
		const value = valueFor(says, given);
		return quoted === undefined || value.startsWith('[') ? value : `'${value}'`;
	});
}

function valueFor(says: string, given: Readonly<Record<string, string>>): string {
	const own = given[says.replace(/^homeserver.yaml: /, '')];
	if (own !== undefined) return own;
	const found = values.find(([pattern]) => pattern.test(says));
	if (!found) throw new Error(`no value is known for “REPLACE ${says}”`);
	const name = /^homeserver.yaml: ([\w.]+)/.exec(says)?.[1] ?? '';
	return found[1] === 'old' ? `old ${name}` : found[1];
}
