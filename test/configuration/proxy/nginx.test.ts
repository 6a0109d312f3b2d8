// The expected answers are those of nginx 1.22.1, which 1395 generated servers were compared with.
import { describe, expect, test } from 'vitest';
import { nginxOf } from '../../../src/configuration/proxy/nginx.ts';

const head = `upstream main { server 127.0.0.1:1; }
upstream one { server 127.0.0.1:2; }
upstream two { server 127.0.0.1:3; }
map $request_method $by_method { default main; get one; }
map $uri $by_path { default main; "~^/_matrix/client/(r0|v3)/(?!logout)" one; }
map $uri $by_file { include routes.map; default main; }
`;
const names: Record<string, string> = { '127.0.0.1:1': 'main', '127.0.0.1:2': 'one', '127.0.0.1:3': 'two' };

/** Where it goes: `one`, `one or two`, `nginx` (it answers by itself), `?` (the files do not show it). */
function route(body: string, question: string, files: { name: string; text: string }[] = []): string {
	const [method = '', path = ''] = question.split(' ');
	const proxy = nginxOf([{ name: 'site.conf', text: `${head}server {\n${body}\n}\n` }, ...files]);
	expect(proxy.problems).toEqual([]);
	const routed = proxy.sites[0]?.route({ method, path });
	if (routed?.undecided) return '?';
	return (routed?.addresses ?? []).map(address => names[address] ?? address).join(' or ') || 'nginx';
}

const sync = 'GET /_matrix/client/v3/sync';
const main = 'location / { proxy_pass http://main; }';

describe('the location', () => {
	test.each([
		[
			'an expression next to the longest prefix, not a prefix inside it',
			`location /_matrix/ { location /_matrix/client/ { proxy_pass http://two; } } location ~ sync$ { proxy_pass http://one; } ${main}`,
			'one',
		],
		[
			'what is inside a prefix marked ^~',
			`location ^~ /_matrix/ { location ~ sync$ { proxy_pass http://one; } proxy_pass http://two; } ${main}`,
			'one',
		],
		[
			'an expression next to a prefix, although one inside it is marked ^~',
			`location /_matrix/ { location ^~ /_matrix/client/ { proxy_pass http://two; } } location ~ sync$ { proxy_pass http://one; } ${main}`,
			'one',
		],
		[
			'what is nested twice inside expressions',
			`location ~ ^/_matrix/ { location ~ /client/ { location ~ sync$ { proxy_pass http://one; } } } ${main}`,
			'one',
		],
		[
			'a redirect from the same path without the slash at its end',
			`location /_matrix/client/v3/sync/ { proxy_pass http://one; } location ~ sync$ { proxy_pass http://two; } ${main}`,
			'nginx',
		],
		['nothing known after an expression with look-ahead', `location ~ ^/_matrix/(?!admin) { } ${main}`, '?'],
		[
			'the next one, if an expression with look-ahead cannot match',
			`location ~ ^/_matrix/client/r0/(?!admin) { } location ~ sync$ { proxy_pass http://one; } ${main}`,
			'one',
		],
	])('is %s', (_, body, expected) => {
		expect(route(body, sync)).toBe(expected);
	});
});

describe('before it forwards a request', () => {
	test.each([
		[
			'the last if that holds takes effect',
			'if ($request_method = GET) { proxy_pass http://one; } if ($uri ~ sync) { proxy_pass http://two; } proxy_pass http://main;',
			'two',
		],
		[
			'an if without proxy_pass keeps the one next to it',
			'if ($request_method = GET) { proxy_pass http://one; } if ($uri ~ sync) { set $x 1; } proxy_pass http://main;',
			'main',
		],
		[
			'a variable has what an if stored in it',
			'set $to main; if ($request_method = GET) { set $to one; } proxy_pass http://$to;',
			'one',
		],
		['a later set takes precedence', 'set $to main; set $to one; proxy_pass http://$to;', 'one'],
		[
			'what was stored does not change with its source',
			'set $from one; set $to $from; set $from two; proxy_pass http://$to;',
			'one',
		],
		[
			'a variable that nothing stored is empty',
			'if ($flag) { proxy_pass http://one; } proxy_pass http://main; if ($uri ~ nowhere) { set $flag 1; }',
			'main',
		],
		[
			'break ends the conditions',
			'break; if ($request_method = GET) { proxy_pass http://one; } proxy_pass http://main;',
			'main',
		],
		[
			'files on the disk are not known',
			'if (!-f $request_filename) { proxy_pass http://one; } proxy_pass http://main;',
			'main or one',
		],
		[
			'equal conditions hold together',
			'if ($http_x) { set $to one; } if ($http_x) { proxy_pass http://$to; } proxy_pass http://main;',
			'main or one',
		],
		[
			'a rewritten path is not judged',
			'rewrite ^/_matrix/client/v3/(.*)$ /_matrix/client/r0/$1 break; proxy_pass http://one;',
			'?',
		],
		[
			'a rewrite of other paths has no effect',
			'rewrite ^/_matrix/client/r0/(.*)$ /x/$1 break; proxy_pass http://one;',
			'one',
		],
		['a redirect is an answer', 'rewrite sync https://example.org/ permanent; proxy_pass http://one;', 'nginx'],
		['another path after the address is not judged', 'proxy_pass http://one/;', '?'],
		['the same path after the address is the same', 'proxy_pass http://one/_matrix/client/v3/sync;', 'one'],
		['the path may be a variable', 'proxy_pass http://one$request_uri;', 'one'],
		['arguments may be variables', 'proxy_pass http://one$uri$is_args$args;', 'one'],
		['an unknown host is not judged', 'proxy_pass http://$host;', '?'],
		['deny all is an answer', 'deny all; proxy_pass http://one;', 'nginx'],
		['a map ignores the case of texts', 'proxy_pass http://$by_method;', 'one'],
		['a map with look-ahead is not judged', 'proxy_pass http://$by_path;', '?'],
		['a map with a missing file is not judged', 'proxy_pass http://$by_file;', '?'],
		['return with an error page leads there', 'error_page 418 = @one; return 418;', 'one'],
		['what is not found on the disk goes to the named location', 'try_files $uri @one;', 'one'],
	])('%s', (_, body, expected) => {
		const location = `location = /_matrix/client/v3/sync { ${body} }`;
		expect(route(`${location} location @one { proxy_pass http://one; } ${main}`, sync)).toBe(expected);
	});

	test('limit_except applies to other methods, which no set or if concerns', () => {
		const body =
			'location / { limit_except POST { proxy_pass http://one; } if ($uri ~ sync) { proxy_pass http://two; } proxy_pass http://main; }';
		expect(route(body, sync)).toBe('one');
		expect(route(body, sync.replace('GET', 'POST'))).toBe('two');
	});

	test("a server's own return and conditions come first", () => {
		expect(route(`${main} return 301 https://example.org/;`, sync)).toBe('nginx');
		expect(
			route('set $to main; if ($request_method = GET) { set $to one; } location / { proxy_pass http://$to; }', sync),
		).toBe('one');
	});
});

test('the query belongs to $request_uri but not to $uri', () => {
	const body = (name: string) =>
		`location / { if (${name} = /_matrix/client/v3/sync) { proxy_pass http://one; } proxy_pass http://main; }`;
	expect(route(body('$uri'), sync)).toBe('one');
	expect(route(body('$request_uri'), sync)).toBe('main or one');
});

test('a file that was not given may contain more locations', () => {
	const unsure = (include: string) =>
		nginxOf([{ name: 'site.conf', text: `${head}server { include ${include}; ${main} }` }]).sites[0]?.route({
			method: 'GET',
			path: '/_matrix/client/v3/sync',
		})?.unsure;
	expect(unsure('/etc/nginx/workers.conf')).toBe(true);
	expect(unsure('/etc/letsencrypt/options-ssl-nginx.conf')).toBe(false);
});

test('includes with asterisks are read', () => {
	const file = { name: 'matrix/workers.conf', text: 'location ~ sync$ { proxy_pass http://one; }' };
	expect(route(`include /etc/nginx/matrix/*.conf; ${main}`, sync, [file])).toBe('one');
});

test('servers of streams are not sites', () => {
	const text =
		'stream { server { listen 443; proxy_pass one; } }\nhttp { server { location / { proxy_pass http://one; } } }';
	expect(nginxOf([{ name: 'nginx.conf', text }]).sites).toHaveLength(1);
});

test('escaped quotes and braces within words are read as nginx does', () => {
	expect(route(`location ~ "^/_matrix/client/v\\d{1}/s" { proxy_pass http://one; } ${main}`, sync)).toBe('one');
	expect(route(`location ~ ^/_matrix/client/v3/\\"?sync$ { proxy_pass http://one; } ${main}`, sync)).toBe('one');
});
