// The vars.yml of the migration: whatever is stated, denied or left open, it is complete YAML without duplicates.
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { guideFor } from '../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allStages } from '../../src/knowledge/guide-stages.ts';
import { readValue } from '../../src/knowledge/schema/parameter.ts';
import { filesOf, guideWords } from '../../src/messages/guide.ts';
import { deployments, filledIn } from '../../tools/verify/guide/deployments.ts';

const { guides } = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const found = guides.find(({ id }) => id === 'mdad');
if (!found) throw new Error('there is no guide mdad');
const guide = found;

const switches = ['workers', 'email', 'oidc', 'appservices', 'modules', 'turn', 'registration', 'metrics', 'retention'];
const facts = [...switches, 'url-previews', 'federation', 'saml'];

function guided(stated: Record<string, string>, terms: readonly string[]) {
	const profile = profileOf(terms.flatMap(term => parseTerm(term) ?? []));
	if (!(profile instanceof Map)) throw new Error(`the facts contradict each other: ${terms.join(' ')}`);
	const all = { domain: 'example.org', synapse: '1.159.0', 'db-host': 'db.example.org', ...stated };
	return guideFor(guide, { stated: new Map(Object.entries(all)), profile }, []);
}

function varsOf(one: ReturnType<typeof guided>): string {
	return filesOf(one).find(({ name }) => name === 'vars.yml')?.text ?? '';
}

const databases = [['postgres'], ['postgres', 'external'], ['sqlite']] as const;

/** Expects that one deployment's file is complete once it is filled in. */
function holds(stated: Record<string, string>, terms: readonly string[]): void {
	const one = guided({ s3: 'yes', ...stated }, terms);
	expect(one.refused).toEqual([]);
	const text = varsOf(one);
	const where = [...Object.values(stated), ...terms].join(' ');
	const document = parseDocument(filledIn(text), { uniqueKeys: true });
	expect(document.errors, where).toEqual([]);
	expect(document.toJS(), where).toMatchObject({ matrix_domain: 'example.org', matrix_synapse_version: 'v1.159.0' });
	// None of the guide's own placeholders are left.
	expect(text.replace(/\{\{.*?\}\}|\{%.*?%\}/g, ''), where).not.toMatch(/(?<!\{)\{[a-z-]+\}/);
	// Every part that applies to this deployment is in it, and uncertain ones are comments.
	const lines = new Set(text.split('\n'));
	const parts = one.stages.flatMap(({ steps }) => steps).filter(({ file }) => file?.name.endsWith('vars.yml'));
	for (const { file, concerned } of parts)
		for (const line of (file?.text ?? '').split('\n').filter(wanted => wanted.includes('REPLACE')))
			expect(lines.has(concerned === true ? line : `# ${line}`), `${where}: ${line}`).toBe(true);
	if (terms.length > facts.length) expect(text, where).not.toContain('# Only if ');
}

describe.each(['none', 'nginx', 'caddy', 'traefik'])('behind %s', proxy => {
	describe.each(['443', '8448'])('with federation on %s', port => {
		test.each(['synapse', 'mas'])(
			'and logins by %s, works for every database with all, no and unstated facts',
			login => {
				for (const [engine, server = 'own'] of databases)
					for (const terms of [facts, facts.map(fact => `no-${fact}`), []])
						holds({ proxy, 'federation-port': port, login, server, place: port === '443' ? 'same' : 'new' }, [
							engine,
							...terms,
						]);
			},
		);
	});
});

test.each(facts)('with %s alone, and with all others', fact => {
	const stated = { proxy: 'nginx', 'federation-port': '443' };
	for (const alone of [true, false])
		holds(stated, ['postgres', ...facts.map(other => ((other === fact) === alone ? other : `no-${other}`))]);
});

test('writes placeholders for secrets that say where the old values are', () => {
	const text = varsOf(guided({ proxy: 'nginx', 'federation-port': '443' }, ['postgres', 'no-workers', 'email']));
	for (const [name, old] of [
		['matrix_synapse_macaroon_secret_key', 'macaroon_secret_key'],
		['matrix_synapse_form_secret', 'form_secret'],
		['matrix_synapse_registration_shared_secret', 'registration_shared_secret'],
		['matrix_synapse_password_config_pepper', 'password_config.pepper'],
		['matrix_synapse_email_smtp_pass', 'email.smtp_pass'],
	])
		expect(text).toContain(`${name}: 'REPLACE homeserver.yaml: ${old}'`);
	expect(text).not.toContain('matrix_synapse_workers');
	expect(() => filledIn("a: 'REPLACE homeserver.yaml'")).toThrow('no value is known');
});

test('moves the key and compares everything before the old server stops and the new one starts', () => {
	const { stages, noReturn } = guided({ proxy: 'nginx', 'federation-port': '443' }, ['postgres']);
	const order = stages.map(({ id }) => id);
	const at = (id: string) => order.indexOf(id);
	const wanted = [
		'vars',
		'install',
		'keys',
		'compare',
		'stop',
		'dump',
		'restore',
		'start',
		'proxy',
		'delegation',
		'check',
	];
	expect(order.filter(id => wanted.includes(id))).toEqual(wanted);
	expect(stages[at('stop')]?.down).toBe('begins');
	expect(stages[at('start')]?.down).toBe('ends');
	expect(noReturn?.stage).toBe('start');
});

test('has separate stages for each way', () => {
	const ids = (...terms: string[]) =>
		guided(terms[1] ? { server: 'external' } : {}, [terms[0] ?? '']).stages.map(({ id }) => id);
	const own = ['dump', 'restore', 'back-up', 'port'];
	expect(ids('postgres').filter(id => own.includes(id))).toEqual(['dump', 'restore']);
	expect(ids('postgres', 'external').filter(id => own.includes(id))).toEqual(['back-up']);
	expect(ids('sqlite').filter(id => own.includes(id))).toEqual(['port']);
});

test('refuses a server that is too old, and says how to get there', () => {
	expect(guided({ synapse: '1.135.0' }, ['postgres']).refused).toEqual([expect.stringContaining('!upgrade 1.135.0')]);
	expect(guided({ synapse: '1.136.0' }, ['postgres']).refused).toEqual([]);
});

test.each(deployments.map(one => [one.name, one] as const))(
	'fills in everything for the tested deployment %s',
	(_, one) => {
		const text = filledIn(varsOf(guided(one.stated, one.facts)));
		expect(text).not.toContain('REPLACE');
		expect(parseDocument(text, { uniqueKeys: true }).errors).toEqual([]);
	},
);

test('renders the whole guide, with the file', () => {
	const answer = guideWords(guided({ proxy: 'caddy', 'federation-port': '8448' }, ['postgres', 'no-workers']), {
		asked: 'migrate mdad',
	});
	expect(answer.files?.map(({ name }) => name)).toEqual(['vars.yml']);
	expect(answer.sections.map(({ title }) => title)).toContain('Rollback after the point of no return');
	for (const { title } of answer.sections) expect(title.length, title).toBeLessThanOrEqual(40);
});

test.each(['compose', 'plain'])(
	'assigns every block to one of two machines (%s), and marks those for the old one',
	layout => {
		const places = { folder: '/srv/old', data: '/srv/old/files', layout, place: 'new', 'new-machine': '192.0.2.7' };
		for (const terms of [facts, ['postgres', 'mas', 'appservices']]) {
			const one = guided({ ...places, proxy: 'none', 'federation-port': '443' }, [
				'docker',
				'postgres',
				'mas',
				...terms,
			]);
			for (const { id, steps } of allStages(one))
				for (const { commands = '', text = '' } of steps) {
					const own = commands
						.replace(/\$\(basename [^)]*\)/g, 'name')
						.replace(/root@192\.0\.2\.7:\S+/g, '')
						.replace(/^ssh -n .*$/gm, '');
					if (own.includes('/srv/old')) expect(own, id).not.toMatch(/\s\/matrix\/|systemctl|ansible-/);
					if (own.includes('/srv/old/files/')) expect(`${id}: ${text}`).toMatch(/old (machine|server)/);
					if (/\s\/matrix\/|systemctl|ansible-/.test(own))
						expect(`${id}: ${text}`).not.toMatch(/On the (old machine|machine of the old)/);
				}
		}
	},
);

test.each(['compose', 'plain'])(
	'moves Matrix Authentication Service too (%s): stop, dump, copy, restore, and back',
	layout => {
		const one = guided(
			{
				folder: '/srv/old',
				layout,
				place: 'new',
				'new-machine': '192.0.2.7',
				'mas-service': 'auth',
				proxy: 'none',
				'federation-port': '443',
			},
			['docker', 'postgres', 'mas', 'appservices'],
		);
		const text = (id: string) =>
			[...one.stages, ...one.wayBack.after]
				.filter(stage => stage.id === id)
				.flatMap(({ steps }) => steps.map(({ commands = '' }) => commands))
				.join('\n');
		expect(text('stop')).toMatch(layout === 'compose' ? 'docker compose stop auth' : 'docker stop auth');
		expect(text('dump')).toContain('> /var/tmp/move/mas.sql.gz');
		expect(text('dump')).toContain('rsync -a /var/tmp/move/mas.sql.gz root@192.0.2.7:');
		expect(text('restore')).toContain('postgres_default_import_database=matrix_authentication_service');
		expect(text('keys')).toMatch(
			/rsync -a \S+\/appservices\/ root@192\.0\.2\.7:[\s\S]*cp \/var\/tmp\/move\/appservices\//,
		);
		expect(text('back-after-dump')).toContain('back-mas.sql.gz');
		// What you have to fill in is not a comment, because the check of the file would skip that.
		const open = varsOf(one)
			.split('\n')
			.filter(line => /^[^#]*REPLACE/.test(line));
		for (const name of ['passwords_schemes', 'upstream_oauth2_providers', 'clients_custom'])
			expect(
				open.some(line => line.startsWith(`matrix_authentication_service_config_${name}:`)),
				name,
			).toBe(true);
		expect(varsOf(one)).toContain('algorithm: bcrypt');
	},
);

test('starts nothing of the old server while a unit of the playbook is active', () => {
	const { wayBack } = guided({ folder: '/srv/old', proxy: 'nginx', 'federation-port': '443' }, [
		'docker',
		'postgres',
		'mas',
	]);
	for (const stages of [wayBack.before, wayBack.after]) {
		const steps = stages.flatMap(({ steps }) => steps);
		const blocks = steps.map(({ commands = '' }) => commands);
		const stops = blocks.findIndex(commands => commands.includes('xargs -r systemctl disable --now'));
		const starts = blocks.findIndex(
			commands => /docker (compose up -d|start )/.test(commands) && !commands.includes('-d db'),
		);
		const look = blocks.findLastIndex((commands, index) => index < starts && commands.includes('systemctl list-units'));
		expect(stops).toBeGreaterThanOrEqual(0);
		expect(look).toBeGreaterThanOrEqual(stops);
		expect(starts).toBeGreaterThan(stops);
		expect(steps[look]?.see).toContain('Do not continue');
	}
});

test('asks for every value that its commands need, and only accepts absolute folders', () => {
	const stated = { proxy: 'nginx', 'federation-port': '443' };
	expect(guided({ ...stated, layout: 'compose' }, ['postgres']).ask).toContain('folder');
	expect(guided({ ...stated, layout: 'plain' }, ['postgres']).ask).not.toContain('folder');
	// The folder is only needed here for the default place of these keys.
	expect(guided({ ...stated, layout: 'plain', login: 'mas' }, ['postgres']).ask).toContain('folder');
	expect(guided({ ...stated, layout: 'plain', login: 'mas', 'mas-keys': '/srv/keys' }, ['postgres']).ask).not.toContain(
		'folder',
	);
	expect(guided({ ...stated, place: 'new' }, ['postgres']).ask).toContain('new-machine');
	const paths = guide.parameters.filter(({ kind }) => kind === 'path' || kind === 'full-path');
	// They are used both in the playbook's folder and in that of the compose file.
	for (const parameter of paths) {
		expect(readValue(parameter, 'synapse/files'), parameter.name).toBeUndefined();
		expect(readValue(parameter, '/srv/synapse'), parameter.name).toBe('/srv/synapse');
	}
});
