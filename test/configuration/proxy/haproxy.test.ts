// The expected answers are those of HAProxy 2.6.12, which 900 generated frontends were compared with.
import { expect, test } from 'vitest';
import { haproxyOf } from '../../../src/configuration/proxy/haproxy.ts';

const tail = `backend main
 server main 127.0.0.1:1
backend one
 server one 127.0.0.1:2
backend two
 server two 127.0.0.1:3
backend split
 acl get method GET
 use-server a if get
 use-server b if !get
 server a 127.0.0.1:2
 server b 127.0.0.1:3
backend closed
 http-request deny
 server main 127.0.0.1:1
`;
const names: Record<string, string> = { '127.0.0.1:1': 'main', '127.0.0.1:2': 'one', '127.0.0.1:3': 'two' };
const maps = [
	{ name: 'beg.map', text: '/_matrix/ main\n/_matrix/client/v3/ one\n' },
	{ name: 'sub.map', text: 'client one\nsync two\n' },
	{ name: 'lower.map', text: '^/_matrix/client/v3/initialsync$ one\n' },
];

/** Where it goes: `one`, `one or two`, `haproxy` (it answers by itself), `?` (the files do not show it). */
function route(rules: string, question = 'GET /_matrix/client/v3/sync', host?: string, before = ''): string {
	const [method = '', path = ''] = question.split(' ');
	const text = `${before}frontend web\n bind :443\n${rules.replaceAll(/^/gm, ' ')}\n${tail}`;
	const proxy = haproxyOf([{ name: 'haproxy.cfg', text }, ...maps]);
	expect(proxy.problems).toEqual([]);
	const site = proxy.sites.find(one => (host === undefined ? one.isUnnamed : one.host === host));
	const routed = site?.route({ method, path });
	if (routed?.undecided) return '?';
	return (routed?.addresses ?? []).map(address => names[address] ?? address).join(' or ') || 'haproxy';
}

test.each([
	[
		'an ACL has every declaration of its name, also later ones',
		'acl a path /x\nuse_backend one if a\nacl a path_end /sync\ndefault_backend main',
		'one',
	],
	[
		'http-request deny comes before use_backend',
		'use_backend one\nhttp-request deny if { path_beg /_matrix }',
		'haproxy',
	],
	['redirect comes before use_backend', 'use_backend one\nredirect scheme https if { path_beg /_matrix }', 'haproxy'],
	['a denied request of a backend goes nowhere', 'default_backend closed', 'haproxy'],
	['a changed path is not judged', 'http-request set-path /x%[path]\ndefault_backend one', '?'],
	['use-server takes one of the servers', 'default_backend split', 'one'],
	['prefixes of a map: the longest', 'use_backend %[path,map_beg(beg.map,two)]', 'one'],
	['several matches in another map are not judged', 'use_backend %[path,map_sub(sub.map)]', '?'],
	[
		'a map without a match leads to the default backend',
		'use_backend %[path,map_reg(lower.map)]\nuse_backend one\ndefault_backend main',
		'main',
	],
	[
		'a name that is not a backend leads to the default backend',
		'use_backend %[path,map_reg(lower.map,nowhere)]\nuse_backend one\ndefault_backend main',
		'main',
	],
	['a map that was not given is not judged', 'use_backend %[path,map_reg(other.map)]\ndefault_backend main', '?'],
	[
		'an unknown converter is not judged',
		'use_backend one if { path,regsub(a,b) -m beg /_matrix }\ndefault_backend main',
		'?',
	],
	[
		'a converter takes the meaning of a suffix away',
		'use_backend one if { path_beg,lower /_matrix }\ndefault_backend main',
		'?',
	],
	['methods have no case', 'use_backend one if { method -i get }\ndefault_backend main', 'main'],
	[
		'the query belongs to the URL',
		'use_backend one if { url /_matrix/client/v3/sync }\ndefault_backend main',
		'main or one',
	],
	['a source address is not known', 'use_backend one if { src 10.0.0.0/8 }\ndefault_backend main', 'one or main'],
	[
		'equal conditions hold together',
		'use_backend one if { src 10.0.0.0/8 }\nuse_backend two if !{ src 10.0.0.0/8 }\ndefault_backend main',
		'one or two',
	],
	[
		'a variable stands for what it was set to',
		'http-request set-var(txn.p) path\nuse_backend one if { var(txn.p) -m beg /_matrix }\ndefault_backend main',
		'one',
	],
	[
		'quotes may begin within a word',
		`use_backend one if { path_reg ^/_matrix/"client/v3"/sync'$' }\ndefault_backend main`,
		'one',
	],
	[
		'a doubled backslash is one',
		'use_backend one if { path_reg ^/_matrix/client/v\\\\d/sync$ }\ndefault_backend main',
		'one',
	],
	[
		'values may begin with a dash after --',
		'use_backend one if { path_beg -i -- /_MATRIX }\ndefault_backend main',
		'one',
	],
	[
		'more than fifty alternatives count',
		`use_backend one if ${'{ path /x } || '.repeat(60)}{ path_end /sync }\ndefault_backend main`,
		'one',
	],
])('%s', (_, rules, expected) => {
	expect(route(rules)).toBe(expected);
});

test('lower changes the text, not the value that it is compared with', () => {
	const asked = 'GET /_matrix/client/v3/initialSync';
	expect(route('use_backend %[path,lower,map_reg(lower.map,two)]', asked)).toBe('one');
	expect(route('use_backend one if { path,lower -m end initialSync }\ndefault_backend main', asked)).toBe('main');
});

test('defaults may name the backend', () => {
	const defaults = 'defaults a\n default_backend one\ndefaults b\n default_backend two\n';
	expect(route('', undefined, undefined, defaults)).toBe('two');
	expect(route('use_backend main if FALSE', undefined, undefined, defaults.replace('defaults b', 'backend x'))).toBe(
		'one',
	);
});

test('hosts that conditions name are told apart', () => {
	const rules =
		'acl element hdr(host) -i element.example.org\nacl matrix hdr_beg(host) matrix.\nuse_backend two if element\nuse_backend one if matrix\ndefault_backend main';
	expect(route(rules, undefined, 'element.example.org')).toBe('two');
	expect(route(rules, undefined, 'matrix.example')).toBe('one');
	expect(route(rules)).toBe('main');
});

test('sections of other kinds do not belong to the one before', () => {
	expect(route('default_backend main\nlog-forward x\n use_backend one\nfcgi-app y\n acl a path /')).toBe('main');
});

test('conditional blocks are not evaluated', () => {
	const text = `frontend web\n.if defined(X)\n default_backend one\n.endif\n${tail}`;
	expect(haproxyOf([{ name: 'haproxy.cfg', text }])).toMatchObject({ sites: [], problems: [{ line: 2 }] });
});
