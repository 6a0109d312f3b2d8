// What a server reports to everyone, and how that ranks against what people say.
import { describe, expect, test } from 'vitest';
import { faultKey } from '../../../src/advice/upgrade/way.ts';
import { type LookRun, sawOf, withLook } from '../../../src/advice/watch/history.ts';
import type { Attempt } from '../../../src/advice/watch/observation.ts';
import { decidedBySeen, withSeen } from '../../../src/advice/watch/seen-facts.ts';
import { type FactAnswers, featureOptions, serverFacts } from '../../../src/advice/watch/server-facts.ts';
import { profileFrom } from '../../../src/advice/watch/subscription.ts';
import { profileJson } from '../../../src/deployment/facts.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const knowledge = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
const at = '2026-11-29T00:00:00.000Z';

function reply(body: unknown, status = 200): Attempt {
	return { reply: { status, body: typeof body === 'string' ? body : JSON.stringify(body), headers: {} } };
}
const nothing: FactAnswers = { versions: undefined, login: undefined, metadata: undefined, registration: undefined };
const facts = (answers: Partial<FactAnswers>) => serverFacts({ ...nothing, ...answers }, false, at)?.facts;
const login = (...flows: Record<string, unknown>[]) => reply({ flows });
const sso = (...ids: string[]) => ({ type: 'm.login.sso', identity_providers: ids.map(id => ({ id, name: id })) });
const password = { type: 'm.login.password' };

describe('login flows', () => {
	test.each([
		['passwords only', login(password), ['no-mas', 'no-sso']],
		['OpenID Connect', login(password, sso('oidc-github', 'oidc')), ['no-mas', 'no-saml', 'no-cas', 'oidc']],
		['SAML and CAS', login(sso('saml', 'cas')), ['no-mas', 'saml', 'cas', 'no-oidc']],
		[
			'single sign-on of an old release',
			login({ type: 'm.login.cas' }, { type: 'm.login.sso' }),
			['no-mas', 'sso', 'cas'],
		],
		[
			'single sign-on before 1.26.0',
			login({ type: 'm.login.sso', 'org.matrix.msc2858.identity_providers': [{ id: 'cas' }] }),
			['no-mas', 'no-saml', 'cas', 'no-oidc'],
		],
		[
			'delegated authentication',
			login({ type: 'm.login.sso', 'org.matrix.msc3824.delegated_oidc_compatibility': true }),
			['mas'],
		],
		['no flows', login(), []],
		['an invalid list', reply({ flows: 'x' }), []],
		['invalid flows', reply({ flows: [1, null, 'x'] }), []],
		['an HTML page', reply('<html>'), []],
		['an unknown endpoint', reply({ errcode: 'M_UNRECOGNIZED' }, 404), []],
	])('%s', (_, answer, expected) => {
		expect(facts({ login: answer }) ?? []).toEqual(expected);
	});

	test('recognises Matrix Authentication Service by its metadata', () => {
		expect(
			facts({
				metadata: reply({ issuer: 'https://account.example.org/' }),
				login: reply({ errcode: 'M_UNRECOGNIZED' }, 404),
			}),
		).toEqual(['mas']);
	});
});

test.each([
	[reply({ available: true }), ['registration']],
	[reply({ errcode: 'M_USER_IN_USE', error: 'x' }, 400), ['registration']],
	[reply({ errcode: 'M_FORBIDDEN', error: 'Registration has been disabled' }, 403), ['no-registration']],
	[reply({ errcode: 'M_LIMIT_EXCEEDED' }, 429), []],
	[reply({ errcode: 'M_UNRECOGNIZED' }, 404), []],
	[reply('Forbidden', 403), []],
	[{ trouble: { is: 'unasked', at: 'x' } } as Attempt, []],
])('registration %#', (answer, expected) => {
	expect(facts({ registration: answer }) ?? []).toEqual(expected);
});

/** A history in which the server reported something. */
function history(told: readonly string[], features: Record<string, boolean> = {}): LookRun[] {
	return [{ is: 'synapse', version: '1.150.0', since: at, until: at, looks: 1, tells: { facts: told, features, at } }];
}

test("prefers a person's statement and what follows from it, and reports contradictions", () => {
	const known = withSeen(profileFrom(['no-sso', 'docker']), history(['no-mas', 'oidc', 'federation']));
	expect(profileJson(known.profile)).toMatchObject({
		install: 'docker',
		sso: false,
		oidc: false,
		mas: false,
		federation: true,
	});
	expect(known).toMatchObject({ seen: ['no-mas', 'federation'], contradicted: ['oidc'] });
	expect(profileJson(withSeen(profileFrom([]), history(['oidc'])).profile)).toEqual({ sso: true, oidc: true });
});

test('keeps facts through checks that do not ask for them and through silences, until the release changes', () => {
	const tells = { facts: ['oidc'], features: {}, at };
	const saw = (version: string, told?: typeof tells) =>
		sawOf({
			server: 'x',
			at,
			kind: 'running',
			version,
			written: version,
			through: 'federation',
			...(told && { tells: told }),
		});
	const look = (runs: readonly LookRun[], version: string, hour: number, told?: typeof tells) =>
		withLook(runs, saw(version, told) as NonNullable<ReturnType<typeof sawOf>>, `2026-11-29T0${hour}:00:00.000Z`);
	const asked = look([], '1.150.0', 1, tells);
	const later = look(asked, '1.150.0', 2);
	expect(withSeen(profileFrom([]), later).seen).toEqual(['oidc']);
	expect(withSeen(profileFrom([]), look(later, '1.151.0', 3)).seen).toEqual([]);
	const silent = withLook(later, { is: 'silent' }, '2026-11-29T03:00:00.000Z');
	expect(withSeen(profileFrom([]), look(silent, '1.150.0', 4)).seen).toEqual(['oidc']);
	expect(withSeen(profileFrom([]), look(silent, '1.151.0', 4)).seen).toEqual([]);
	const other = withLook(silent, { is: 'other' }, '2026-11-29T04:00:00.000Z');
	expect(withSeen(profileFrom([]), look(other, '1.150.0', 5)).seen).toEqual([]);
	expect(withSeen(profileFrom([]), look(later, '1.150.0', 3, { ...tells, facts: ['no-sso'] })).seen).toEqual([
		'no-sso',
	]);
});

describe('experiments', () => {
	const told = (unstable: unknown) =>
		serverFacts({ ...nothing, versions: reply({ versions: [], unstable_features: unstable }) }, false, at);

	test('are kept under their option if the knowledge mentions it', () => {
		expect(told({ 'org.matrix.msc4354': true, 'org.matrix.msc9999': true })?.features).toEqual({
			'experimental_features.msc4354_enabled': true,
		});
		expect(told({ 'org.matrix.msc4354': 'yes' })).toBeUndefined();
		expect(told(JSON.parse('{"__proto__": true}'))).toBeUndefined();
	});

	test('decide the faults and notes that depend on them', () => {
		const id = faultKey('1.150.0/sync-without-ephemeral');
		const seen = (is: boolean) =>
			decidedBySeen(history([], { 'experimental_features.msc4354_enabled': is }), knowledge);
		expect(seen(true).get(id)).toBe(true);
		expect(seen(false).get(id)).toBe(false);
		expect(seen(true).has('1.157.0/msc3861')).toBe(false);
		expect(decidedBySeen(history([]), knowledge).size).toBe(0);
	});

	test('are each used in a condition', () => {
		const conditions = JSON.stringify([...knowledge.notes, ...knowledge.faults].map(({ found }) => found));
		for (const option of Object.values(featureOptions)) expect(conditions).toContain(option);
	});
});
