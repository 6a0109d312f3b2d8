// Runs in a separate network: a real nginx or Caddy with the guide's file, and two servers in place of the playbook's
// Traefik, which report what reached them.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sh } from './played.ts';
import type { Proxied } from './proxies.ts';

type Passed = { to: number; url: string; host: string; proto: string; length: number };

const { proxy, port, host, text, root } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Proxied;

/** Responds with what it received, in place of the playbook's Traefik. */
function upstream(to: number): void {
	createServer((asked, answer) => {
		let length = 0;
		asked.on('data', (piece: Buffer) => (length += piece.length));
		asked.on('end', () => {
			const { 'x-forwarded-proto': proto = '', host: name = '' } = asked.headers;
			answer.end(JSON.stringify({ to, url: asked.url, host: name, proto, length }));
		});
	}).listen(to, '127.0.0.1');
}

function serverBlock(listen: string, inside: string): string {
	return `server { listen ${listen} ssl; server_name ${host}; ssl_certificate ${root}/cert.pem; ssl_certificate_key ${root}/key.pem;
${inside}
}`;
}

/** Writes the configuration around the guide's file, lets the program check it, and starts the program. */
function start(): void {
	sh(
		`openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=${host} -keyout ${root}/key.pem -out ${root}/cert.pem 2> /dev/null`,
	);
	const isNginx = proxy === 'nginx';
	const file = join(root, isNginx ? 'nginx.conf' : 'Caddyfile');
	const blocks = [serverBlock('443', text)];
	// As the first line of the file says.
	if (port === '8448') blocks.push(serverBlock('8448', text.replace('http://127.0.0.1:81', 'http://127.0.0.1:8449')));
	const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${root}/${name};`);
	writeFileSync(
		file,
		isNginx
			? `user root; daemon off; pid ${root}/pid; error_log ${root}/log; events {}\nhttp { access_log off; ${places.join(' ')}\n${blocks.join('\n')}\n}\n`
			: `{\n\tlocal_certs\n\tskip_install_trust\n\tadmin off\n}\n${text}`,
	);
	const env = { ...process.env, HOME: root, XDG_DATA_HOME: root, XDG_CONFIG_HOME: root };
	sh(isNginx ? `nginx -t -e ${root}/log -c ${file}` : `caddy validate --config ${file} 2>&1`, env);
	const words = isNginx ? ['-e', `${root}/log`, '-c', file] : ['run', '--config', file];
	const log = openSync(join(root, 'log'), 'a');
	spawn(proxy, words, { env, stdio: ['ignore', log, log] });
	closeSync(log);
}

/** Resolves to what the upstream server received; rejects unless the status is 200. */
function ask(path: string, at: string, body = ''): Promise<Passed> {
	return new Promise((done, fail) => {
		const asking = request(
			{
				host: '127.0.0.1',
				port: at,
				path,
				method: body ? 'POST' : 'GET',
				servername: host,
				rejectUnauthorized: false,
				headers: { host: at === '443' ? host : `${host}:${at}` },
			},
			answer => {
				let said = '';
				answer.setEncoding('utf8').on('data', piece => (said += piece));
				answer.on('end', () => {
					if (answer.statusCode === 200) done(JSON.parse(said) as Passed);
					else fail(new Error(`${path} on ${at}: ${answer.statusCode} ${said.slice(0, 200)}`));
				});
			},
		);
		asking.on('error', fail);
		asking.end(body);
	});
}

async function untilItAnswers(): Promise<void> {
	for (let i = 0; ; i++) {
		try {
			await ask('/', '443');
			return;
		} catch (error) {
			if (i === 600) throw error;
			await sleep(100);
		}
	}
}

/** Throws unless each request reaches the right server with an unchanged path: signatures are computed from it. */
async function everythingArrives(): Promise<void> {
	const client = '/_matrix/client/v3/rooms/%21a%3Ab/state/m.room.member/%40x%2Fy?filter=%7B%7D';
	const expected: [path: string, at: string, to: number][] = [
		['/_matrix/client/versions', '443', 81],
		[client, '443', 81],
		['/.well-known/matrix/client', '443', 81],
		['/_matrix/federation/v1/query/profile?user_id=%40a%3Ab.example', port, 8449],
		['/_matrix/federation/v1/send_join/%21a%3Ab/%24c%2Fd', port, 8449],
		['/_matrix/key/v2/server', port, 8449],
	];
	for (const [path, at, to] of expected) {
		const got = await ask(path, at);
		const name = got.host.replace(/:\d+$/, '');
		if (got.to !== to || got.url !== path || name !== host || got.proto !== 'https')
			throw new Error(`${path} on ${at} arrived as ${JSON.stringify(got)}, expected on ${to}`);
	}
	// Larger than what a proxy accepts by default.
	const large = 'x'.repeat(20_000_000);
	const { length } = await ask('/_matrix/media/v3/upload', '443', large);
	if (length !== large.length) throw new Error(`an upload of ${large.length} bytes arrived with ${length}`);
}

sh('ip link set lo up');
for (const to of [81, 8449]) upstream(to);
start();
await untilItAnswers();
await everythingArrives();
process.exit();
