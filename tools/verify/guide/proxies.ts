// Tests the files that the guide of the move has for nginx and Caddy with the real programs, which must be on PATH.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { Unavailable } from '../machine/environment.ts';
import { run } from '../machine/process.ts';
import { inNamespaces } from './namespace.ts';
import type { Trial } from './trial.ts';
import { guidedFor } from './vars.ts';

/** One file of the guide, and the proxy that it is for. */
export type Proxied = {
	proxy: 'nginx' | 'caddy';
	/** The port on which other servers reach this one. */
	port: '443' | '8448';
	host: string;
	text: string;
	/** A folder for everything that is written. */
	root: string;
};

const versions = {
	nginx: { program: ['nginx', '-v'], number: /nginx\/(\S+)/ },
	caddy: { program: ['caddy', 'version'], number: /v?(\d\S*)/ },
} as const;

/** Resolves to what failed, in words. */
export async function verifyProxies(
	guide: Guide,
	synapse: string,
	keep: (trials: readonly Trial[]) => void,
): Promise<string[]> {
	if (process.getuid?.() !== 0) throw new Unavailable('the proxies run in a separate network, which needs root');
	const failed: string[] = [];
	for (const proxy of ['nginx', 'caddy'] as const) {
		const version = await versionOf(proxy);
		for (const port of ['443', '8448'] as const) {
			const root = mkdtempSync(join(tmpdir(), 'glia-proxy-'));
			try {
				const one = { proxy, port, root, host: 'matrix.proxy.example.org', text: fileFor(guide, synapse, proxy, port) };
				writeFileSync(join(root, 'job.json'), JSON.stringify(one));
				const { status, said } = await inNamespaces(new URL('proxied.ts', import.meta.url), [join(root, 'job.json')]);
				console.log(`  ${proxy} ${version}, federation on ${port}: ${status === 0 ? 'forwards everything' : 'FAILED'}`);
				if (status === 0)
					keep([{ of: 'proxy', with: { proxy, 'federation-port': port }, versions: { [proxy]: version }, played }]);
				else failed.push(`${proxy} ${port}: ${said.slice(-2000)}${logOf(root)}`);
			} finally {
				rmSync(root, { recursive: true, force: true });
			}
		}
	}
	return failed;
}

const played =
	"The real program read the file and served it over TLS. Two small servers stood in for the two ports of the playbook's Traefik.";

async function versionOf(proxy: keyof typeof versions): Promise<string> {
	const { program, number } = versions[proxy];
	// nginx prints it to standard error.
	const said = await run('bash', ['-c', `${program.join(' ')} 2>&1`]).catch(() => {
		throw new Unavailable(`${proxy} is not installed`);
	});
	return number.exec(said)?.[1] ?? said.trim();
}

function fileFor(guide: Guide, synapse: string, proxy: string, port: string): string {
	const stated = { proxy, 'federation-port': port };
	const { stages } = guidedFor(guide, { name: 'proxy', stated, facts: ['docker', 'postgres'] }, synapse);
	const steps = stages.find(({ id }) => id === 'proxy')?.steps ?? [];
	const files = steps.flatMap(({ file, concerned }) => (file && concerned === true ? [file.text] : []));
	if (files.length !== 1) throw new Error(`expected one file for ${proxy} and ${port}, got ${files.length}`);
	return files[0] ?? '';
}

function logOf(root: string): string {
	const file = join(root, 'log');
	return existsSync(file) ? `\n${readFileSync(file, 'utf8').slice(-1500)}` : '';
}
