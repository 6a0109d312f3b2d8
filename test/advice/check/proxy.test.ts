import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkProxy } from '../../../src/advice/check/proxy.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import { proxiesOf } from '../../../src/configuration/proxy/proxy.ts';

const routes = JSON.parse(
	readFileSync(new URL('../../../knowledge/synapse/code/routes.json', import.meta.url), 'utf8'),
);

const main = `server_name: example.org
listeners:
  - { port: 8008, type: http, resources: [{ names: [client, federation] }] }
instance_map: { main: { host: localhost, port: 9093 }, typist: { host: localhost, port: 9094 } }
stream_writers: { typing: [typist] }
enable_media_repo: false
`;
const worker = (name: string, port: number, names = 'client, federation') =>
	`worker_app: synapse.app.generic_worker\nworker_name: ${name}\nworker_listeners:\n  - { port: ${port}, type: http, resources: [{ names: [${names}] }] }\n`;
const deployment = {
	'homeserver.yaml': main,
	'generic.yaml': worker('generic', 8081),
	'typist.yaml': worker('typist', 8082, 'client'),
	'media.yaml': worker('media', 8085, 'media').replace('generic_worker', 'media_repository'),
};

function checked(
	proxyFiles: Record<string, string>,
	{ to = '1.163.2', files = deployment as Record<string, string> } = {},
) {
	const given = Object.entries({ ...files, ...proxyFiles }).map(([name, text]) => ({ name, text }));
	const { proxy, rest } = proxiesOf(given);
	if (!proxy) throw new Error('no proxy among the files');
	return checkProxy(proxy, configurationOf(rest), routes, to);
}

const findings = (proxyFiles: Record<string, string>, question = {}) => checked(proxyFiles, question).findings;

/** `problem line route`, without routes that are only missing. */
const wrong = (proxyFiles: Record<string, string>, question = {}) =>
	findings(proxyFiles, question)
		.filter(({ problem }) => problem !== 'missing')
		.map(({ problem, line, route }) => `${problem} ${line} ${route}`);
const missing = (proxyFiles: Record<string, string>, question = {}) =>
	findings(proxyFiles, question)
		.filter(({ problem }) => problem === 'missing')
		.map(({ route }) => route);

/** A site that sends all other requests to the right place. */
const nginx = (...locations: string[]) => `upstream main { server 127.0.0.1:8008; }
upstream generic { server 127.0.0.1:8081; }
upstream typist { server 127.0.0.1:8082; }
upstream media { server 127.0.0.1:8085; }
server {
  listen 443 ssl;
  location ~ ^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/typing { proxy_pass http://typist; }
  location ~ ^/(_matrix/media|_matrix/(client|federation)/v1/media)/ { proxy_pass http://media; }
  location ~ ^/_synapse/admin/v1/(purge_media_cache$|room/.*/media|user/.*/media|media/|quarantine_media/|users/.*/media$) { proxy_pass http://media; }
  location / { proxy_pass http://main; }
${locations.join('\n')}
}
`;
const first = 11;

describe('nginx', () => {
	test('finds nothing wrong if a worker only gets requests that it can handle', () => {
		expect(
			wrong({ 'site.conf': nginx('location ~ ^/_matrix/client/(r0|v3)/sync$ { proxy_pass http://generic; }') }),
		).toEqual([]);
	});

	test.each([
		[
			'a route that workers have never served',
			'location ~ ^/_matrix/client/(r0|v3)/pushers/set$ { proxy_pass http://generic; }',
			['main-only 11 /_matrix/client/v3/pushers/set', 'main-only 11 /_matrix/client/r0/pushers/set'],
		],
		[
			'a route that workers no longer serve',
			'location = /_synapse/admin/v1/username_available { proxy_pass http://generic; }',
			['gone 11 ^/_synapse/admin/v1/username_available$'],
		],
		[
			'a route of another stream writer',
			'location ~ ^/_matrix/client/(r0|v3)/sendToDevice/ { proxy_pass http://typist; }',
			['writer-only 11 ^/_matrix/client/(r0|v3|unstable)/sendToDevice/'],
		],
		[
			'a worker without a federation listener',
			'location /_matrix/federation/v1/send/ { proxy_pass http://typist; }',
			['no-resource 11 ^/_matrix/federation/v1/send/'],
		],
		[
			'a worker that does not serve media',
			'location ^~ /_matrix/media/ { proxy_pass http://generic; }',
			['media-only 11 ^/_matrix/media/'],
		],
		[
			'a write request on a worker that only handles reads',
			'location ~ ^/_matrix/client/(api/v1|r0|v3|unstable)/pushrules/ { proxy_pass http://generic; }',
			['get-only 11 ^/_matrix/client/(api/v1|r0|v3|unstable)/pushrules/'],
		],
	])('%s', (_, location, expected) => {
		const found = wrong({ 'site.conf': nginx(location) });
		for (const line of expected) expect(found).toContain(line);
		expect(found.every(line => line.split(' ')[1] === String(first))).toBe(true);
	});

	test('distinguishes methods by a map or an if', () => {
		const location = 'location ~ ^/_matrix/client/(api/v1|r0|v3|unstable)/pushrules/';
		const map = 'map $request_method $push { default main; GET generic; HEAD generic; }\n';
		expect(wrong({ 'site.conf': map + nginx(`${location} { proxy_pass http://$push; }`) })).toEqual([]);
		expect(
			wrong({
				'site.conf': nginx(
					`${location} { if ($request_method = GET) { proxy_pass http://generic; } proxy_pass http://main; }`,
				),
			}),
		).toEqual([]);
		expect(
			wrong({
				'site.conf': map.replace('default main', 'default generic') + nginx(`${location} { proxy_pass http://$push; }`),
			}),
		).not.toEqual([]);
	});

	test('evaluates a map of paths, and leaves a map of a query argument open', () => {
		const byPath =
			'map $uri $to { default main; "~^/_matrix/client/(r0|v3)/sync$" generic; "~^/_matrix/client/(r0|v3)/logout$" generic; }\n';
		const site = nginx('location /_matrix/ { proxy_pass http://$to; }');
		expect(wrong({ 'site.conf': byPath + site })).toEqual(['main-only 12 /_matrix/client/v3/logout']);
		const bySince = "map $arg_since $sync { default generic; '' typist; }\n";
		expect(
			wrong({ 'site.conf': bySince + nginx('location ~ ^/_matrix/client/(r0|v3)/sync$ { proxy_pass http://$sync; }') }),
		).toEqual([]);
	});

	test('lists each route that could go to a worker once, in its current form', () => {
		const sync = 'location ~ ^/_matrix/client/(r0|v3)/sync$ { proxy_pass http://generic; }';
		expect(missing({ 'site.conf': nginx(sync) })).toContain('^/_matrix/client/(r0|v3|unstable)/keys/query$');
		expect(missing({ 'site.conf': nginx(sync) })).not.toContain('^/_matrix/client/(r0|v3)/sync$');
		expect(missing({ 'site.conf': nginx() })).toEqual([]);
	});

	test('handles longest prefixes, nested locations and included files as nginx does', () => {
		expect(
			wrong({
				'site.conf': nginx(
					'location /_matrix/client/v3/pushers/ { proxy_pass http://generic; }',
					'location /_matrix/client/v3/pushers/set { proxy_pass http://main; }',
				),
			}),
		).toEqual([]);
		expect(
			wrong({
				'site.conf': nginx(
					'location /_matrix/client/v3/ { location ~ logout$ { proxy_pass http://generic; } proxy_pass http://main; }',
				),
			}),
		).toEqual(['main-only 11 /_matrix/client/v3/logout']);
		const parts = {
			'site.conf': nginx('include /etc/nginx/workers.conf;'),
			'workers.conf': 'location = /_matrix/client/v3/logout { proxy_pass http://generic; }\n',
		};
		expect(findings(parts).filter(({ problem }) => problem === 'main-only')).toMatchObject([
			{ file: 'workers.conf', line: 1 },
		]);
	});

	test("recognises the main process without the workers' files", () => {
		const site = nginx(
			'location ~ ^/_matrix/client/(r0|v3)/(sync|logout)$ { proxy_pass http://generic; }',
			'location ~ ^/_matrix/federation/v1/send/ { proxy_pass http://generic; }',
		);
		expect(wrong({ 'site.conf': site }, { files: {} })).toContain('main-only 11 /_matrix/client/v3/logout');
	});

	test('does not mistake another server behind the proxy for a worker', () => {
		const site = nginx(
			'location ~ ^/_matrix/client/(.*)/(login|logout|refresh) { proxy_pass http://127.0.0.1:8090; }',
			'location /_matrix/identity { proxy_pass http://127.0.0.1:8091; }',
		);
		expect(wrong({ 'site.conf': site })).toEqual([]);
		expect(wrong({ 'site.conf': site }, { files: {} })).toEqual([]);
	});
});

describe('HAProxy', () => {
	const haproxy = (rules: string) => `frontend https
  bind :443 ssl crt /etc/x.pem
  acl matrix hdr(host) -i matrix.example.org
  acl typing path_reg ^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/typing
  acl media path_beg /_matrix/media/ /_matrix/client/v1/media/ /_matrix/federation/v1/media/
  acl media path_reg ^/_synapse/admin/v1/(purge_media_cache$|room/.*/media|user/.*/media|media/|quarantine_media/|users/.*/media$)
  use_backend typist if matrix typing
  use_backend media if matrix media
${rules}
  default_backend main
backend main
  server main 127.0.0.1:8008
backend generic
  server g1 127.0.0.1:8081 check
backend typist
  server t 127.0.0.1:8082
backend media
  server m 127.0.0.1:8085
`;
	test('finds nothing wrong if a worker only gets requests that it can handle', () => {
		expect(
			wrong({
				'haproxy.cfg': haproxy(
					'  acl sync path_reg -i ^/_matrix/client/(r0|v3)/sync$\n  use_backend generic if matrix sync',
				),
			}),
		).toEqual([]);
	});

	test('reads methods, negations and anonymous conditions', () => {
		const rule = (when: string) =>
			wrong({
				'haproxy.cfg': haproxy(
					`  acl push path_beg /_matrix/client/v3/pushrules/\n  acl get method GET\n  use_backend generic if ${when}`,
				),
			});
		expect(rule('push get')).toEqual([]);
		expect(rule('push METH_GET')).toEqual([]);
		expect(rule('push')).toEqual(['get-only 11 ^/_matrix/client/(api/v1|r0|v3|unstable)/pushrules/']);
		expect(rule('push !get')).toEqual(rule('push'));
		expect(rule('{ path /_matrix/client/v3/logout }')).toEqual(['main-only 11 /_matrix/client/v3/logout']);
		expect(rule('push get || { path_end /account/password }')).toEqual([
			'main-only 11 /_matrix/client/v3/account/password',
		]);
	});

	test('reads map files if they are among the files', () => {
		const map = '^/_matrix/client/(r0|v3)/sync$ generic\n^/_matrix/client/(r0|v3)/logout$ generic\n';
		const rule = '  use_backend %[path,map_reg(/etc/haproxy/workers.map,main)] if matrix';
		expect(wrong({ 'haproxy.cfg': haproxy(rule), 'workers.map': map })).toContain(
			'main-only 9 /_matrix/client/v3/logout',
		);
		expect(wrong({ 'haproxy.cfg': haproxy(rule), 'workers.map': map.split('\n')[0] ?? '' })).toEqual([]);
	});
});

describe('what cannot be checked', () => {
	test('is said with its line', () => {
		const site = nginx('location ~ ^/_matrix/client/v3/(?!sync) { proxy_pass http://generic; }');
		expect(checked({ 'site.conf': site })).toMatchObject({
			undecided: [{ file: 'site.conf', line: 11 }],
			problems: [],
			reached: true,
		});
		expect(checked({ 'site.conf': `${nginx()}}` }).problems).toMatchObject([{ file: 'site.conf', line: 13 }]);
		expect(checked({ Caddyfile: 'a {\n reverse_proxy b\n}\n' })).toMatchObject({
			problems: [{ file: 'Caddyfile' }],
			reached: false,
		});
	});

	test('leaves out sites of other services', () => {
		const other = 'server { location / { rewrite ^(.*)$ /index.php last; } }\n';
		expect(checked({ 'site.conf': other + nginx() }).undecided).toEqual([]);
	});
});

test('reads hostile files quickly', () => {
	const start = process.cpuUsage();
	const evil = `location ~ ^/_matrix/(${'a*'.repeat(400)})*$ { proxy_pass http://generic; }`;
	const wide = `location ~ ^/${'(a|b)'.repeat(200)}$ { proxy_pass http://generic; }`;
	const maps = Array.from(
		{ length: 40 },
		(_, i) => `map $v${i + 1}$v${i + 1} $v${i} { default a$v${i + 1}; b c; }`,
	).join('\n');
	findings({
		'site.conf': `${maps}\n${nginx(evil, wide, 'location = /_matrix/client/v3/sync { proxy_pass http://$v0; }')}`,
	});
	for (const text of [
		'server {'.repeat(200_000),
		'a '.repeat(400_000),
		`server { ${'location / { '.repeat(5000)}`,
		`location /${'"'.repeat(1000)}`,
	])
		findings({ 'site.conf': `upstream a { server b; }\n${text}` });
	expect(process.cpuUsage(start).user / 1e6).toBeLessThan(5);
});

test.each([
	['expressions', (i: number) => `location ~ ^/_matrix/client/(r0|v3)/rooms/.*/x${i} { proxy_pass http://a; }`, 4900],
	['conditions', (i: number) => `if ($uri ~ ^/_matrix/x${i}) { return 403; }`, 9000],
	['variables', (i: number) => `set $a${i} b;`, 25_000],
])('stops at too many %s', (_, line, count) => {
	const start = process.cpuUsage();
	const body = Array.from({ length: count }, (_, i) => line(i)).join('\n');
	const { problems } = checked({ 'site.conf': `server {\n${body}\nlocation / { proxy_pass http://a; }\n}` });
	expect(problems).toMatchObject([{ file: 'site.conf', why: expect.stringMatching(/too many rules/) }]);
	expect(process.cpuUsage(start).user / 1e6).toBeLessThan(20);
});
