// npm run verify -- recipes: asks registries, archives and indexes whether everything that the install recipes name
// exists. What cannot be reached is reported, but is not an error; exits with 1 if something does not exist.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isWithin } from '../../src/deployment/version.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import type { Recipe } from '../../src/knowledge/schema/install.ts';
import { stable } from '../../src/knowledge/stable.ts';

type Answer = 'exists' | 'missing' | 'unreachable';
type Question = { what: string; ask: () => Promise<Answer> };
const run = promisify(execFile);

/** Asks a server whether a page is available. */
async function reached(url: string, headers: Record<string, string> = {}): Promise<Answer> {
	try {
		const { status } = await fetch(url, { method: 'HEAD', headers, signal: AbortSignal.timeout(20_000) });
		return status === 404 ? 'missing' : status < 400 ? 'exists' : 'unreachable';
	} catch {
		return 'unreachable';
	}
}

/** Requests an image's manifest, with a token that registries issue to anyone. */
async function imageExists(image: string): Promise<Answer> {
	const [, host = '', name = '', tag = ''] = /^([^/]+)\/(.+):(.+)$/.exec(image) ?? [];
	const hub = host === 'docker.io';
	const auth = hub
		? `https://auth.docker.io/token?service=registry.docker.io&scope=repository:${name}:pull`
		: `https://${host}/token?scope=repository:${name}:pull`;
	try {
		const reply = await fetch(auth, { signal: AbortSignal.timeout(20_000) });
		const { token } = (await reply.json()) as { token: string };
		const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json';
		const kinds = `${accept}, application/vnd.docker.distribution.manifest.v2+json`;
		return await reached(`https://${hub ? 'registry-1.docker.io' : host}/v2/${name}/manifests/${tag}`, {
			authorization: `Bearer ${token}`,
			accept: kinds,
		});
	} catch {
		return 'unreachable';
	}
}

/** Whether pip finds a wheel; nothing is built or installed. */
async function wheelExists(requirement: string): Promise<Answer> {
	const folder = mkdtempSync(join(tmpdir(), 'glia-recipes-'));
	try {
		const wheels = ['--no-deps', '--only-binary', ':all:', '--dest', folder];
		await run('python3', ['-m', 'pip', 'download', '--quiet', ...wheels, requirement]);
		return 'exists';
	} catch (error) {
		return /No matching distribution/.test(String(error)) ? 'missing' : 'unreachable';
	} finally {
		rmSync(folder, { recursive: true });
	}
}

const known = readKnowledge(new URL('../../knowledge/', import.meta.url));
const releases = stable(known.releases).filter(({ withdrawn }) => !withdrawn);

/** The first and the last release of a span. */
function endsOf(span: string): string[] {
	const within = releases.filter(({ version }) => isWithin(version, span)).map(({ version }) => version);
	return [...new Set([within[0], within.at(-1)].flatMap(version => version ?? []))];
}

function questionsOf(install: string, recipe: Recipe): Question[] {
	const images = (recipe.images ?? []).flatMap(({ releases: span, name }) =>
		endsOf(recipe.begins ? `${span} >=${recipe.begins}` : span).map(version => name.replace('{version}', version)),
	);
	const newest = releases.at(-1)?.version ?? '';
	const packages = install === 'pip' ? [`${recipe.package}==${newest}`] : [];
	const pins = install === 'pip' ? recipe.pins.map(pin => pin.package) : [];
	const debian = Object.values(recipe.codenames ?? {}).slice(2, 5);
	return [
		...images.map(image => ({ what: image, ask: () => imageExists(image) })),
		...[...packages, ...pins].map(name => ({ what: `wheel of ${name}`, ask: () => wheelExists(name) })),
		...(install === 'debian'
			? debian.map(name => {
					const url = `https://packages.matrix.org/debian/dists/${name}/Release`;
					return { what: url, ask: () => reached(url) };
				})
			: []),
		...recipe.sources.map(({ link }) => ({ what: link, ask: () => reached(link.replace(/#.*/, '')) })),
	];
}

export async function verifyRecipes(): Promise<number> {
	const found: Record<Answer, number> = { exists: 0, missing: 0, unreachable: 0 };
	for (const [install, recipe] of Object.entries(known.installs))
		for (const { what, ask } of questionsOf(install, recipe)) {
			const answer = await ask();
			found[answer]++;
			console.log(`${install}: ${what}: ${answer === 'unreachable' ? 'cannot be reached from here' : answer}`);
		}
	console.log(`\n${found.exists} exist, ${found.missing} are missing, ${found.unreachable} could not be reached`);
	return found.missing ? 1 : 0;
}
