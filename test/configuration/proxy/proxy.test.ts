import { describe, expect, test } from 'vitest';
import { proxiesOf } from '../../../src/configuration/proxy/proxy.ts';
import { tooMuchWork } from '../../../src/configuration/proxy/route.ts';

test.each([
	['Caddyfile', 'matrix.example.org {\n\treverse_proxy /_matrix/* localhost:8008\n}\n'],
	['site.caddy', 'example.org {\n  handle /_matrix/* {\n    reverse_proxy localhost:8008\n  }\n}\n'],
	[
		'caddy.json',
		'{ "apps": { "http": { "servers": { "a": { "routes": [{ "handle": [{ "handler": "reverse_proxy" }] }] } } } } }',
	],
	[
		'matrix.conf',
		'<VirtualHost *:443>\n    ProxyPass /_matrix http://127.0.0.1:8008/_matrix nocanon\n</VirtualHost>\n',
	],
	['dynamic.yml', 'http:\n  routers:\n    matrix: { rule: "PathPrefix(`/_matrix`)", service: synapse }\n'],
	['traefik.yml', 'entryPoints:\n  web: { address: ":80" }\n'],
	['traefik.toml', '[http.routers.matrix]\n  rule = "Host(`x`)"\n'],
	['relayd.conf', 'table <matrixserver> { 127.0.0.1 }\nhttp protocol "matrix" {\n\ttls { no tlsv1.0 }\n}\n'],
	['compose.yaml', 'services:\n  synapse:\n    image: matrixdotorg/synapse\n'],
])('does not take %s for a configuration of Synapse', (name, text) => {
	const { proxy, rest } = proxiesOf([{ name, text }]);
	expect(rest).toEqual([]);
	expect(proxy?.problems).toMatchObject([{ file: name, line: 0 }]);
});

test.each([
	['a comment', 'server_name: a\n# reverse_proxy localhost\n'],
	['a homeserver.yaml', 'server_name: a\nlisteners:\n  - port: 8008\n'],
	['a template in a block', 'email:\n  text: |\n    hello\n    services: x\n'],
])('leaves %s to Synapse', (_, text) => {
	const { proxy, rest } = proxiesOf([{ name: 'homeserver.yaml', text }]);
	expect(proxy).toBeUndefined();
	expect(rest).toHaveLength(1);
});

test('takes the snippets and maps that nginx includes', () => {
	const { rest } = proxiesOf([
		{ name: 'site.conf', text: 'server\n{\n  include proxy_params;\n  include maps/*.map;\n}\n' },
		{ name: 'proxy_params', text: 'proxy_set_header Host $host;\ninclude more_params;\n' },
		{ name: 'more_params', text: 'proxy_http_version 1.1;\n' },
		{ name: 'routes.map', text: '~^/_matrix/client/v3/sync$ worker;\n' },
		{ name: 'notes.txt', text: 'x' },
	]);
	expect(rest.map(({ name }) => name)).toEqual(['notes.txt']);
});

test('recognises HAProxy with defaults by name and with comments', () => {
	const text = 'frontend web from base # all\n default_backend a\n';
	expect(proxiesOf([{ name: 'haproxy.cfg', text }]).rest).toEqual([]);
});

test('leaves files of Synapse alone that nginx seems to include', () => {
	const { rest } = proxiesOf([
		{ name: 'nginx.conf', text: 'http {\n  server { listen 80; }\n  include /etc/nginx/sites-enabled/*;\n}\n' },
		{ name: 'matrix', text: 'location /_matrix { proxy_pass http://127.0.0.1:8008; }\n' },
		{ name: 'example.org.log.config', text: 'version: 1\nroot:\n  level: INFO\n  handlers: [console]\n' },
		{ name: 'homeserver.yaml.bak', text: '# Synapse\n"server_name": example.org\n' },
	]);
	expect(rest.map(({ name }) => name)).toEqual(['example.org.log.config', 'homeserver.yaml.bak']);
});

describe('gives up on what takes too long', () => {
	const site = 'server { location / { proxy_pass http://a; } }';

	/** What the first requests run into. */
	function refusal(name: string, text: string): unknown {
		const { proxy } = proxiesOf([{ name, text }]);
		const [problem] = proxy?.problems ?? [];
		if (problem) return problem.why;
		for (let i = 0; i < 200; i++)
			for (const { route } of proxy?.sites ?? [])
				try {
					route({ method: 'GET', path: `/_matrix/client/v3/rooms/a/send/${i}` });
				} catch (error) {
					return (error as Error).message;
				}
		return undefined;
	}

	test.each([
		[
			'an ACL that is declared thousands of times',
			'haproxy.cfg',
			`frontend f\n bind :80\n${' acl a src 1.1.1.1\n'.repeat(3000)}${' use_backend b if a\n'.repeat(3000)}`,
		],
		[
			'expressions that are large once their repetitions are written out',
			'nginx.conf',
			`server {\n${Array.from({ length: 500 }, (_, i) => `location ~ "^/${i}(a{900})(b{900})" { return 404; }`).join('\n')}\n}`,
		],
		[
			'an expression with thousands of optional parts',
			'nginx.conf',
			`server { location ~ "^/_matrix/(?:${'[a-z0-9/_]?'.repeat(6)}){1000}$" { return 404; } }`,
		],
		[
			'a site with thousands of servers',
			'nginx.conf',
			`upstream u {\n${Array.from({ length: 10_000 }, (_, i) => `server s${i}:1;`).join('\n')}\n}\n${Array.from({ length: 5 }, () => site.replace('a;', 'u;')).join('\n')}`,
		],
	])('%s', (_, name, text) => expect(refusal(name, text)).toBe(tooMuchWork));

	test('files that include each other again and again', () => {
		const files = Array.from({ length: 8 }, (_, i) => ({
			name: `${i}.conf`,
			text: `${'include *.conf;\n'.repeat(20)}${site}`,
		}));
		expect(proxiesOf(files).proxy?.problems).toMatchObject([{ why: tooMuchWork }]);
	});
});

test.each([
	['http:', 'x'],
	['location', 'x'],
	['location', '\n'],
])('reads %s and spaces up to %j in linear time', (word, end) => {
	const start = process.cpuUsage();
	const text = `${word}${' '.repeat(500_000)}${end}`;
	expect(proxiesOf([{ name: 'x', text }]).rest).toHaveLength(1);
	const { user, system } = process.cpuUsage(start);
	expect(user + system).toBeLessThan(2_000_000);
});
