import { expect, test } from 'vitest';
import { proxiesOf } from '../../../src/configuration/proxy/proxy.ts';

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
