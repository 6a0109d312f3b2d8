// The stand-in for `docker` must refuse what the real one refuses, or a guide tested with it could fail for a reader.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../../../tools/verify/guide/played-docker.ts', import.meta.url));
const image = 'docker.io/postgres:17-alpine';
let root: string;

beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'played-docker-'));
	writeFileSync(join(root, 'played.json'), JSON.stringify({ root, servers: { 17: {} }, programs: {} }));
	writeFileSync(join(root, 'compose.yaml'), 'services: {}\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function docker(...words: string[]): string {
	const { status, stderr } = spawned(words);
	return status === 0 ? 'done' : stderr.trim();
}

function spawned(words: readonly string[]) {
	return spawnSync(process.execPath, ['--no-warnings', program, ...words], {
		cwd: root,
		encoding: 'utf8',
		env: { ...process.env, GLIA_PLAYED: join(root, 'played.json') },
	});
}

/** Records a container that was created and is now stopped, as `up` does. */
function stopped(service: { image: string; volumes?: string[] }): void {
	mkdirSync(join(root, 'containers'), { recursive: true });
	writeFileSync(join(root, 'containers/db.json'), JSON.stringify(service));
}

describe('docker image rm', () => {
	test('refuses an image that was never pulled', () => {
		expect(docker('image', 'rm', image)).toBe(`Error response from daemon: No such image: ${image}`);
	});

	test('removes a pulled image, once', () => {
		expect(docker('pull', image)).toBe('done');
		expect(docker('image', 'rm', image)).toBe('done');
		expect(docker('image', 'rm', image)).toContain('No such image');
	});

	test('refuses the image of a container, even of a stopped one', () => {
		docker('pull', image);
		stopped({ image });
		expect(docker('image', 'rm', image)).toContain('unable to remove repository reference');
	});
});

describe('docker volume rm', () => {
	test('refuses the volume of a container, even if the compose file no longer names it', () => {
		mkdirSync(join(root, 'volumes/home_pgdata'), { recursive: true });
		stopped({ image, volumes: ['pgdata:/var/lib/postgresql/data'] });
		expect(docker('volume', 'rm', 'home_pgdata')).toContain('volume is in use');
		stopped({ image, volumes: ['pgdata-17:/var/lib/postgresql/data'] });
		expect(docker('volume', 'rm', 'home_pgdata')).toBe('done');
	});
});

describe('docker compose restart', () => {
	test('also starts stopped services that depend on it with restart: true, and `start` does not', () => {
		const programs = { queue: ['sleep', '60'], worker: ['sleep', '60'], other: ['sleep', '60'] };
		writeFileSync(join(root, 'played.json'), JSON.stringify({ root, servers: {}, programs }));
		writeFileSync(
			join(root, 'compose.yaml'),
			`services:
  queue: {}
  worker: { depends_on: { queue: { condition: service_started, restart: true } } }
  other: { depends_on: { queue: { condition: service_started } } }
`,
		);
		const isRunning = (name: string) => {
			const status = join('/proc', readFileSync(join(root, 'containers', `${name}.pid`), 'utf8'), 'status');
			return existsSync(status) && /^State:\s+[^ZX]/m.test(readFileSync(status, 'utf8'));
		};
		const running = () => Object.keys(programs).filter(isRunning);
		try {
			expect(docker('compose', 'start', 'queue')).toContain('has no container to start');
			for (const words of ['up -d', 'stop', 'start queue']) {
				expect(docker('compose', ...words.split(' '))).toBe('done');
			}
			expect(running()).toEqual(['queue']);
			expect(docker('compose', 'restart', 'queue')).toBe('done');
			expect(running()).toEqual(['queue', 'worker']);
		} finally {
			docker('compose', 'stop');
		}
	});
});

describe('docker compose config', () => {
	test('prints the mounts of one service in the long form', () => {
		writeFileSync(
			join(root, 'compose.yaml'),
			`services:
  synapse: { image: synapse, volumes: ["./files:/data"] }
  db: { image: "postgres:15", volumes: ["./pg:/var/lib/postgresql/data", "old:/old"] }
volumes: { old: }
`,
		);
		const lines = spawned(['compose', 'config', 'db'])
			.stdout.split('\n')
			.map(line => line.replace(/^[ -]*/, ''));
		for (const line of [
			'image: postgres:15',
			`source: ${realpathSync(root)}/pg`,
			'target: /var/lib/postgresql/data',
			'source: old',
		])
			expect(lines).toContain(line);
		expect(lines.join()).not.toContain('/files');
		expect(docker('compose', 'config', 'other')).toBe('no such service: other');
	});
});
