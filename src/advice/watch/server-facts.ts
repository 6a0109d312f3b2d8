// What a running server reports to anyone, in GET requests without a token: facts, and experimental features.
import type { OpenFact } from '../../deployment/facts.ts';
import type { Attempt, ServerFacts } from './observation.ts';

/** Unstable features whose flag is an option that notes or faults mention; others are not kept. */
export const featureOptions: Readonly<Record<string, string>> = {
	'org.matrix.msc3882': 'experimental_features.msc3882_enabled',
	'org.matrix.msc4354': 'experimental_features.msc4354_enabled',
};

/**
 * Requests to every server's client API. All releases support `r0`. Whether the last request is refused shows whether
 * registration is open.
 */
export const askedForFacts = {
	versions: '/_matrix/client/versions',
	login: '/_matrix/client/r0/login',
	metadata: '/_matrix/client/v1/auth_metadata',
	registration: '/_matrix/client/r0/register/available?username=glia',
} as const;
export type FactAnswers = Record<keyof typeof askedForFacts, Attempt | undefined>;

/** What the responses show; undefined if nothing. What is not reported is not denied. */
export function serverFacts(answers: FactAnswers, isFederating: boolean, at: string): ServerFacts | undefined {
	const facts = [
		...(isFederating ? ['federation'] : []),
		...loginFacts(answers.login, answers.metadata),
		...registrationFacts(answers.registration),
	];
	const features = featuresIn(answers.versions);
	return facts.length || Object.keys(features).length ? { facts, features, at } : undefined;
}

/** Login flows. If Matrix Authentication Service answers instead of Synapse, they say nothing about Synapse. */
function loginFacts(login: Attempt | undefined, metadata: Attempt | undefined): string[] {
	const flows = listIn(bodyOf(login), 'flows');
	const isDelegated = flows?.some(
		flow => isTrue(flow, 'delegated_oidc_compatibility') || isTrue(flow, 'oauth_aware_preferred'),
	);
	if (isDelegated || typeof bodyOf(metadata)?.issuer === 'string') return ['mas'];
	if (!flows?.length) return [];
	const sso = flows.filter(flow => flow.type === 'm.login.sso');
	if (!sso.length) return ['no-mas', flows.some(({ type }) => type === 'm.login.cas') ? 'cas' : 'no-sso'];
	const providers = sso.flatMap(
		flow => listIn(flow, 'identity_providers') ?? listIn(flow, 'org.matrix.msc2858.identity_providers') ?? [],
	);
	// Releases before 1.26.0 do not name the providers.
	if (!providers.length) return ['no-mas', 'sso', ...(flows.some(({ type }) => type === 'm.login.cas') ? ['cas'] : [])];
	const ids = providers.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
	const kind = (name: OpenFact, has: boolean) => (has ? name : `no-${name}`);
	return [
		'no-mas',
		kind('saml', ids.includes('saml')),
		kind('cas', ids.includes('cas')),
		kind(
			'oidc',
			ids.some(id => /^oidc(-|$)/.test(id)),
		),
	];
}

function isTrue(flow: Record<string, unknown>, name: string): boolean {
	return flow[name] === true || flow[`org.matrix.msc3824.${name}`] === true;
}

/** If registration is closed, Synapse refuses to say whether a name is free. */
function registrationFacts(attempt: Attempt | undefined): string[] {
	if (!attempt || !('reply' in attempt)) return [];
	const body = objectOf(attempt.reply.body);
	if (attempt.reply.status === 200 && typeof body?.available === 'boolean') return ['registration'];
	if (attempt.reply.status === 400 && /^M_(USER_IN_USE|INVALID_USERNAME|EXCLUSIVE)$/.test(String(body?.errcode)))
		return ['registration'];
	return attempt.reply.status === 403 && body?.errcode === 'M_FORBIDDEN' ? ['no-registration'] : [];
}

function featuresIn(attempt: Attempt | undefined): Record<string, boolean> {
	const features = bodyOf(attempt)?.unstable_features;
	if (!isObject(features)) return {};
	return Object.fromEntries(
		Object.entries(featureOptions).flatMap(([name, option]) => {
			const is = Object.hasOwn(features, name) ? features[name] : undefined;
			return typeof is === 'boolean' ? [[option, is]] : [];
		}),
	);
}

function bodyOf(attempt: Attempt | undefined): Record<string, unknown> | undefined {
	return attempt && 'reply' in attempt && attempt.reply.status === 200 ? objectOf(attempt.reply.body) : undefined;
}

function objectOf(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
		return isObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listIn(object: Record<string, unknown> | undefined, key: string): Record<string, unknown>[] | undefined {
	const list = object?.[key];
	return Array.isArray(list) ? list.slice(0, 100).filter(isObject) : undefined;
}
