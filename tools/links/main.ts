// npm run links: requests every link in the knowledge and the documents, and lists broken ones. Needs the network.
import { readdirSync, readFileSync } from 'node:fs';
import { readArguments } from '../arguments.ts';
import { check, linksIn } from './links.ts';

readArguments('\n  npm run links   request every link in the knowledge and the documents, and list broken ones', {}, 0);
const root = new URL('../../', import.meta.url);

function textsIn(folder: string, ending: RegExp): string[] {
	return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
		.filter(name => ending.test(name))
		.map(name => readFileSync(new URL(`${folder}${name}`, root), 'utf8'));
}

const texts = [
	...textsIn('knowledge/', /\.yaml$|upstream\.json$/),
	...textsIn('docs/', /\.md$/),
	readFileSync(new URL('README.md', root), 'utf8'),
];
const links = texts.flatMap(linksIn).filter(link => !/^https:\/\/([\w.-]*\.)?example\.(org|com|net)\b/.test(link));
console.error(`Requesting ${new Set(links).size} links, which takes several minutes …`);
const checked = await check(links);
const broken = checked.filter(link => link.broken !== undefined);
for (const { link, broken: why } of broken) console.log(`${link}\n  ${why}`);
console.log(`${checked.length} links, ${broken.length} broken`);
process.exitCode = broken.length ? 1 : 0;
