// Every heading of the playbook's change log that mentions a breaking change is marked as one.
import { expect, test } from 'vitest';
import { fateOf } from '../../src/advice/distribution/playbook-variables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { openDistributions } from '../../src/knowledge/distributions.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const distributions = openDistributions(folder);
const { entries } = await distributions.mdad();

/** Words that stand for a break, a removal, a renaming, a requirement, or the end of something. */
const calledBreaking = /break\)|removed|required|must|no longer|have changed|renamed|relocated/i;

test('all 36 headings since June 2025 that mention a breaking change are marked, even the withdrawn one', () => {
	const called = entries
		.filter(({ date }) => date >= '2025-06-01')
		.flatMap(({ sources, ...entry }) =>
			sources.flatMap(({ heading = '' }) => (calledBreaking.test(heading) ? [{ heading, ...entry }] : [])),
		);
	expect(called).toHaveLength(36);
	expect(called.filter(({ breaking }) => !breaking)).toEqual([]);
	expect(called.filter(({ gone }) => gone).map(({ id }) => id)).toEqual(['mdad/2026-08-19/rtc-transports-dropped']);
});

/** Headings that sound like a breaking change but are not, with what upstream says. */
const harmless: Record<string, string> = {
	'The URL-prefix for Hookshot generic webhooks has changed': 'both old and new addresses work',
	'Postgres parameters are automatically tuned now': 'your own arguments still go before it',
	'6️⃣ IPv6 support enablement recommended by default': 'of new installations only',
	'Element Call frontend installation is now optional': 'installed ones stay',
	'`Draupnir` has been relicensed to AFL-3.0': 'less restrictive than before',
	"Switching to Element's AGPLv3-licensed Synapse release": 'nothing changes for those who run it',
	"Switching synapse-admin to etke.cc's fork": 'a drop-in replacement',
	'LiveKit TURN TLS is now automatically fronted by playbook-managed Traefik': 'other setups do not change',
	'Synapse now prefers UNIX sockets for playbook-managed Postgres and Valkey': 'external servers do not change',
	'Matrix Authentication Service now prefers UNIX sockets for playbook-managed Postgres': 'likewise',
	'Mautrix bridges now expose their API (for Mautrix Manager and similar tools)': 'an access token is needed',
	'Internal refactor: merged the Synapse reverse-proxy companion role into `matrix-synapse`': 'no name changes',
	"baibot now supports OpenAI's built-in tools (Web Search and Code Interpreter)": 'off by default',
	'baibot now supports Venice, our recommended provider': 'a choice more',
	"BorgBackup now includes Synapse's local thumbnails": 'backups grow somewhat',
	'Tuwunel now exposes its administration and /_tuwunel API paths': 'more paths, none fewer',
	'matrix-media-repo now configured for Authenticated Media': 'a key is added by itself',
	'MatrixRTC transports are advertised in the client well-known again': 'what was taken away is back',
	'The homeserver root path redirects to clients other than Element Web': 'a page without a client showed nothing',
	'coturn can now use host-networking': 'off by default',
	'Whoami-based sync worker routing for improved sticky sessions for Synapse': 'on by itself, tokens go on working',
	'Conditional service restart for `install-*` commands': 'fewer restarts',
};

test('every heading since 2023 that mentions a change is marked as breaking, or known to be harmless', () => {
	const sounds = new RegExp(
		`${calledBreaking.source}|compatib|requires?|default|changed?|switch|replac|goodbye|bye-bye|independently|restricted|unambiguous|upgrade|rewritten|relicensed|optional|refactor|redirects|\\bnow\\b|again|routing|restart|tuned`,
		'i',
	);
	const sections = entries
		.filter(({ date }) => date >= '2023-01-01')
		.flatMap(({ sources, breaking }) =>
			sources.flatMap(({ document, heading = '' }) =>
				document === 'CHANGELOG.md' && sounds.test(heading) ? [{ heading, breaking }] : [],
			),
		);
	expect(sections.length).toBeGreaterThan(85);
	const mild = sections.flatMap(({ heading, breaking }) => (breaking ? [] : [heading]));
	expect(mild.toSorted()).toEqual(Object.keys(harmless).toSorted());
});

test('every family of variables that the playbook refuses has a known replacement', async () => {
	const { renamed } = await openKnowledge(folder);
	const { families } = await distributions.variables();
	expect(families.length).toBeGreaterThan(60);
	expect(families.filter(family => !fateOf(`${family.slice(0, -1)}x`, renamed))).toEqual([]);
});
