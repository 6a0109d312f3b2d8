// npm run facts -- <git ref>: compares the facts of all knowledge with those at a commit, and lists what a rewording
// lost or added. Exits with 1 if anything differs. Corrected facts show up too: this is for rewording, not for
// corrections.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readArguments, refuse } from '../arguments.ts';
import { compareFacts, factsByEntry } from './facts.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const usage = `
  npm run facts -- COMMIT   compare the facts of the knowledge with those at a commit

For example: npm run facts -- HEAD`;
const [ref] = readArguments(usage, {}, 1).positionals;
if (ref === undefined) refuse('Which commit?', usage);
const git = (...args: string[]) =>
	execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'ignore'] });
try {
	git('rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`);
} catch {
	refuse(`This repository has no commit ${ref}.`);
}
const isYaml = (path: string) => path.endsWith('.yaml');

const committed = git('ls-tree', '-r', '--name-only', ref, 'knowledge/').split('\n').filter(isYaml);
const current = git('ls-files', '--cached', '--others', '--exclude-standard', 'knowledge/').split('\n').filter(isYaml);
const before = committed.flatMap(path => [...factsByEntry(path, git('show', `${ref}:${path}`))]);
const after = current
	.filter(path => existsSync(`${root}${path}`))
	.flatMap(path => [...factsByEntry(path, readFileSync(`${root}${path}`, 'utf8'))]);

const differences = compareFacts(new Map(before), new Map(after));
for (const { entry, lost, added } of differences) {
	console.log(entry);
	for (const fact of lost) console.log(`  - ${fact}`);
	for (const fact of added) console.log(`  + ${fact}`);
}
console.log(`${new Map(after).size} entries compared with ${ref}; the facts of ${differences.length} differ`);
process.exitCode = differences.length ? 1 : 0;
